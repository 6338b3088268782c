"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const report = read("report");
  const page = document.getElementById("page");
  const GOOD = "held";

  // -- elements: whatever a store delivered is text, never markup ---------------------------------

  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null) made.append(child);
    return made;
  }

  const colour = (word) =>
    word.startsWith("keeps") || word === GOOD ? "held"
    : word.startsWith("broken") || word === "error" ? "broken"
    : word === "not promised" ? "soft" : "doubt";

  function table(caption, head, rows) {
    return el("div", { class: "scroll" }, el("table", { "aria-label": caption },
      el("thead", {}, el("tr", {}, head.map((each) => el("th", { scope: "col" }, each)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((each) => el("td", {}, each)))))));
  }

  function copied(text, what) {
    const pre = el("pre", { tabindex: "0", "aria-label": what }, text);
    const said = el("span", { role: "status", class: "soft" });
    const button = el("button", { type: "button", onclick: () => copy(text, pre, said) }, `Copy the ${what}`);
    return el("div", {}, el("div", { class: "copied" }, pre), button, " ", said);
  }

  function copy(text, pre, said) {
    const select = () => {
      getSelection().selectAllChildren(pre);
      said.textContent = "selected: press Ctrl+C";
    };
    if (!navigator.clipboard) select();
    else navigator.clipboard.writeText(text).then(() => { said.textContent = "copied"; }, select);
  }

  // -- the page -------------------------------------------------------------------------------------

  function draw() {
    page.replaceChildren(...[
      el("h1", {}, "async-contract"),
      el("p", { class: "soft" }, `contract ${report.contract}, pytest-async-contract ${report.tool}`,
        report.stopped ? "; the run ended before its time" : ""),
      el("div", { class: "answers" }, report.targets.map(answer)),
      sideBySide(),
      ...report.targets.flatMap(target),
      ...about()].filter((each) => each !== null));
    document.title = report.targets.map((each) => `${each.target}: ${each.grade}`).join("; ") || "async-contract";
    page.dataset.drawn = String(Math.round(performance.now())); // milliseconds since the page was asked for
    const asked = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (asked) asked.scrollIntoView();
  }

  function answer(each, number) {
    const counts = new Map();
    for (const clause of each.clauses) counts.set(clause.verdict, (counts.get(clause.verdict) || 0) + 1);
    return el("div", { class: `answer ${colour(each.grade)}` },
      el("h2", {}, el("a", { href: `#target-${number}` }, each.target)),
      el("p", { class: `grade ${colour(each.grade)}` }, each.grade),
      el("p", { class: "soft" }, [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", ")));
  }

  // Of a store and a runner nothing can be compared: only what owes the same clauses stands side by side.
  function sideBySide() {
    const owed = report.targets.map((each) => new Map(each.clauses.map((clause) => [clause.id, clause.verdict])));
    const all = [...new Set(owed.flatMap((each) => [...each.keys()]))];
    const ids = all.filter((id) => owed.filter((each) => each.has(id)).length > 1);
    if (!ids.length) return null;
    const compared = [...owed.keys()].filter((n) => ids.some((id) => owed[n].has(id)));
    const verdicts = ids.map((id) => compared.map((n) => owed[n].get(id) || ""));
    const differs = (row) => new Set(row).size > 1;
    const order = [...ids.keys()].sort((a, b) => differs(verdicts[b]) - differs(verdicts[a]) || a - b);
    const rows = order.map((n) => [ids[n], ...verdicts[n].map((each) => el("span", { class: colour(each) }, each))]);
    return el("section", { id: "side-by-side" }, el("h2", {}, "Side by side"),
      el("p", { class: "soft" }, `${verdicts.filter(differs).length} clauses differ; they come first.`),
      table("the verdicts of all targets", ["clause", ...compared.map((n) => report.targets[n].target)], rows));
  }

  function target(each, number) {
    const told = each.clauses.filter((clause) => clause.timeline >= 0 || (clause.fails && clause.message));
    const worst = (clause) => (clause.fails ? 0 : clause.verdict === "broken" ? 1 : 2);
    told.sort((a, b) => worst(a) - worst(b));
    return [el("section", { id: `target-${number}` },
      el("h2", {}, each.target, ": ", el("span", { class: colour(each.grade) }, each.grade)),
      verdictTable(each, number, new Set(told)),
      told.map((clause) => story(clause, number)),
      notExercised(each), spent(each), named("What it does where the contract leaves it free", each.observed),
      named("What it promises", each.capabilities))];
  }

  function verdictTable(each, number, told) {
    const rank = (clause) => (clause.fails ? 0 : ["broken", "error", "known"].includes(clause.verdict) ? 1 : 2);
    const rows = [...each.clauses].sort((a, b) => rank(a) - rank(b)).map((clause) => {
      const name = told.has(clause) ? el("a", { href: `#${storyId(clause, number)}` }, clause.id) : clause.id;
      const row = el("tr", {},
        el("td", { class: "mono" }, name), el("td", { class: "word" }, clause.level),
        el("td", { class: `word ${colour(clause.verdict)}` }, clause.verdict),
        el("td", { class: "number" }, clause.count || ""),
        el("td", {}, clause.message ? `${clause.message.split("\n")[0]}` : el("span", { class: "soft" }, clause.counted)));
      return { row, clause, text: `${clause.id} ${clause.level} ${clause.verdict} ${clause.message} ${clause.sentence}`.toLowerCase() };
    });
    const said = el("span", { role: "status", class: "soft" });
    const search = el("input", { type: "search", id: `search-${number}`, oninput: filter });
    const verdicts = [...new Set(each.clauses.map((clause) => clause.verdict))];
    const choice = el("select", { id: `verdict-${number}`, onchange: filter }, el("option", { value: "" }, "all"),
      verdicts.map((verdict) => el("option", { value: verdict }, verdict)));
    function filter() {
      const words = search.value.toLowerCase().split(/\s+/);
      let shown = 0;
      for (const { row, clause, text } of rows) {
        row.hidden = !(words.every((word) => text.includes(word)) && (!choice.value || clause.verdict === choice.value));
        shown += !row.hidden;
      }
      said.textContent = `${shown} of ${rows.length} clauses`;
    }
    filter();
    const head = ["clause", "level", "verdict", "count", "what happened, or what was counted"];
    return el("div", {},
      el("div", { class: "tools" },
        el("label", { for: search.id }, "Search"), search, el("label", { for: choice.id }, "Verdict"), choice, said),
      el("div", { class: "scroll" }, el("table", { "aria-label": `the verdicts on ${each.target}` },
        el("thead", {}, el("tr", {}, head.map((word) =>
          el("th", { scope: "col", class: word === "count" ? "number" : null }, word)))),
        el("tbody", {}, rows.map(({ row }) => row)))));
  }

  const storyId = (clause, number) => `story-${number}-${clause.id.replace("/", "-")}`;

  function story(clause, number) {
    return el("article", { id: storyId(clause, number), "aria-label": clause.id },
      el("h3", {}, clause.id, " is ", el("span", { class: colour(clause.verdict) }, clause.verdict)),
      el("p", { class: "soft" }, `The contract says (${clause.level}): ${clause.sentence}.`),
      el("p", {}, `What happened: ${clause.message}`),
      clause.schedule.map((each) => el("p", {}, `It takes this schedule: ${each}`)),
      clause.timeline >= 0 ? timeline(`timeline-${clause.timeline}`, clause) : null,
      clause.diagram ? el("h4", {}, "What shows it, as text") : null,
      clause.diagram ? el("pre", { tabindex: "0", "aria-label": "sequence diagram" }, clause.diagram) : null,
      clause.reproduce ? el("h4", {}, `To replay just this${clause.label ? ` (${clause.label})` : ""}`) : null,
      clause.reproduce ? copied(clause.reproduce, "command") : null,
      clause.script ? el("h4", {}, "Or, without pytest") : null,
      clause.script ? copied(clause.script, "script") : null);
  }

  function notExercised(each) {
    const rows = each.clauses.filter((clause) => clause.knob).map((clause) => [clause.id, clause.verdict, clause.knob]);
    if (!rows.length) return null;
    return el("section", {}, el("h3", {}, "What was not put to the test, and what would do it"),
      table("clauses that were not exercised", ["clause", "verdict", "what would"], rows));
  }

  function spent(each) {
    if (!each.explored.length) return null;
    const rows = each.explored.map((way) => [way.way, String(way.programs),
      way.schedules ? `${way.schedules} schedules, ${way.distinct} of them distinct` : `${way.steps} steps`,
      `${way.seconds} s`, way.ended]);
    return el("section", {}, el("h3", {}, "What was spent on random programs"),
      table("effort", ["way", "programs", "tried", "time", "ended early because"], rows));
  }

  function named(title, values) {
    const rows = Object.entries(values).map(([name, value]) => [name, value]);
    return rows.length ? el("details", {}, el("summary", {}, title), table(title, ["name", "value"], rows)) : null;
  }

  function about() {
    return [el("h2", {}, "How it was run"), el("p", {}, `seeds: ${report.seeds.join(", ")}`),
      ...report.environment.map((each) => table("environment", ["name", "value"], Object.entries(each)))];
  }

  // -- the lease timeline: what is visible is drawn, on a canvas -------------------------------------

  const GUTTER = 128, AXIS = 24, LANE = 30, TALLEST = 520, WIDEST = 8e6, USUAL = 110;
  const [WORKER, METHOD, FROM, TO, MANNER, CALL, RESULT, JOBS, BRIGHT] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const HUES = 6;

  function timeline(id, clause) {
    const holder = el("div", {});
    const said = el("p", { class: "details", "aria-live": "polite" });
    const tip = el("div", { class: "tip", hidden: true });
    const canvas = el("canvas", { "aria-hidden": "true" });
    const room = el("div", { class: "room" });
    const box = el("div", { class: "timeline", tabindex: "0", role: "application",
      "aria-label": `lease timeline of ${clause.id}: arrow keys go from call to call, w to the witness, plus and minus zoom` },
      canvas, room);
    const tool = (word, act) => el("button", { type: "button", onclick: act }, word);
    const scale = el("button", { type: "button", "aria-pressed": "false", onclick: () => view.toggleScale(scale) }, "true to scale");
    let view = null;
    holder.append(el("h4", {}, "The lease timeline"),
      el("div", { class: "tools" }, tool("zoom in", () => view.zoom(1.6)), tool("zoom out", () => view.zoom(1 / 1.6)),
        tool("show all", () => view.fit()), tool("the witness", () => view.toWitness()), scale),
      box, said, tip,
      el("div", { class: "key" }, el("span", {}, "bars: calls, from invocation to return"),
        el("span", {}, "shaded, in its worker's colour: a lease"), el("span", {}, "red band: two leases of one job at once"),
        el("span", {}, "\u2715: cancelled, killed or never returned; dashed: refused or unknown"), el("span", {}, "bright: the witness"),
        el("span", {}, "keys: \u2190 \u2192 \u2191 \u2193, Home, End, w, +, \u2212, 0")));
    const begin = () => { if (!view) view = new View(read(id), box, canvas, room, said, tip); };
    // Only what comes near the window costs anything.
    new IntersectionObserver((entries, seen) => {
      if (entries.some((entry) => entry.isIntersecting)) { seen.disconnect(); begin(); }
    }, { rootMargin: "400px" }).observe(box);
    box.addEventListener("focus", begin);
    return holder;
  }

  class Lane {
    constructor(name, worker) { Object.assign(this, { name, worker, calls: [], windows: [], reach: [], far: [] }); }
    settle(calls, windows) {
      this.windows.sort((a, b) => windows[a][3] - windows[b][3]);
      let far = -1;
      for (const each of this.calls) this.reach.push(far = Math.max(far, calls[each][TO]));
      far = -1;
      for (const each of this.windows) this.far.push(far = Math.max(far, windows[each][4]));
    }
  }

  // The first of a growing list that is at least so much.
  function first(list, least) {
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] < least) low = middle + 1; else high = middle;
    }
    return low;
  }

  class View {
    constructor(data, box, canvas, room, said, tip) {
      Object.assign(this, { data, box, canvas, room, said, tip, chosen: -1, real: false, scaleFactor: USUAL });
      const { calls, windows, instants } = data;
      const lanes = new Map(data.workers.map((worker) => [worker, new Lane(`worker ${worker}`, worker)]));
      const jobs = data.jobs.map((name) => new Lane(name, null));
      calls.forEach((call, number) => {
        lanes.get(call[WORKER]).calls.push(number);
        for (const job of call[JOBS]) jobs[job].calls.push(number);
      });
      windows.forEach((each, number) => jobs[each[0]].windows.push(number));
      // Jobs of the witness stand first.
      const bright = new Set(calls.filter((call) => call[BRIGHT]).flatMap((call) => call[JOBS]));
      const order = [...jobs.keys()].sort((a, b) => bright.has(b) - bright.has(a) || a - b);
      this.lanes = [...lanes.values(), ...order.map((job) => jobs[job])];
      this.lanes.forEach((lane) => lane.settle(calls, windows));
      this.workers = lanes.size;
      this.last = Math.max(instants.length, 1);
      this.span = Math.max(instants.length ? instants[instants.length - 1] : 1, 1);
      [this.unitName, this.unitLength] = this.span < 1e5 ? ["ns", 1] : this.span < 1e7 ? ["\u00b5s", 1e3] : ["ms", 1e6];
      const height = Math.min(AXIS + this.lanes.length * LANE + 18, TALLEST);
      box.style.height = `${height}px`;
      box.addEventListener("scroll", () => this.later());
      box.addEventListener("keydown", (event) => this.key(event));
      canvas.addEventListener("mousemove", (event) => this.hover(event));
      canvas.addEventListener("mouseleave", () => { tip.hidden = true; });
      canvas.addEventListener("click", (event) => { const hit = this.at(event); if (hit >= 0) this.choose(hit, false); });
      box.addEventListener("wheel", (event) => {
        if (event.ctrlKey) { event.preventDefault(); this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.offsetX); }
      }, { passive: false });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.later());
      new ResizeObserver(() => this.resized()).observe(box);
      this.resized();
      if ((this.width - GUTTER) / this.last > USUAL * 0.5) this.fit(); else this.toWitness();
      said.textContent = `${calls.length} calls, ${this.workers} workers, ${jobs.length} jobs; ` +
        `${calls.filter((call) => call[BRIGHT]).length} calls show what is broken.`;
    }

    // -- where things are --

    get width() { return Math.max(this.box.clientWidth, GUTTER + 100); }
    get most() { return WIDEST / this.last; }
    // A position in units of events: in the order of events, or true to scale.
    unit(position) {
      if (!this.real) return position;
      return (this.instantAt(position) / this.span) * this.last;
    }
    instantAt(position) {
      const { instants } = this.data;
      return instants.length ? instants[Math.min(position, instants.length - 1)] : 0;
    }
    time(position) {
      return (this.instantAt(position) / this.unitLength).toFixed(this.unitLength > 1 ? 3 : 0);
    }
    x(position) { return GUTTER + 8 + this.unit(position) * this.scaleFactor - this.box.scrollLeft; }
    // The first position that is shown at or after a place on the canvas.
    position(x) {
      const unit = (x - GUTTER - 8 + this.box.scrollLeft) / this.scaleFactor;
      return this.real ? first(this.data.instants, (unit / this.last) * this.span) : unit;
    }

    resized() {
      const ratio = devicePixelRatio || 1;
      const [width, height] = [this.box.clientWidth, this.box.clientHeight];
      this.canvas.width = width * ratio;
      this.canvas.height = height * ratio;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
      this.stretch();
    }
    stretch() {
      this.room.style.width = `${GUTTER + 16 + this.last * this.scaleFactor}px`;
      this.room.style.height = `${AXIS + this.lanes.length * LANE}px`;
      this.later();
    }
    zoom(factor, around = this.width / 2) {
      const unit = (around - GUTTER - 8 + this.box.scrollLeft) / this.scaleFactor;
      const least = (this.width - GUTTER - 24) / this.last;
      this.scaleFactor = Math.min(Math.max(this.scaleFactor * factor, Math.min(least, this.most)), this.most, 4000);
      this.stretch();
      this.box.scrollLeft = unit * this.scaleFactor - (around - GUTTER - 8);
    }
    fit() { this.zoom(0); }
    toggleScale(button) {
      this.real = !this.real;
      button.setAttribute("aria-pressed", String(this.real));
      this.later();
    }
    toWitness() {
      const bright = this.data.calls.filter((call) => call[BRIGHT]);
      if (!bright.length) return this.fit();
      const [from, to] = [Math.min(...bright.map((call) => this.unit(call[FROM]))), Math.max(...bright.map((call) => this.unit(call[TO])))];
      const wanted = (this.width - GUTTER - 60) / Math.max(to - from + 1, 1);
      this.zoom(Math.min(Math.max(wanted, 20), USUAL) / this.scaleFactor);
      this.box.scrollLeft = (from - 0.3) * this.scaleFactor;
      this.box.scrollTop = 0;
    }

    // -- drawing --

    later() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.draw(); });
    }

    draw() {
      const style = getComputedStyle(document.documentElement);
      const ink = (name) => style.getPropertyValue(`--${name}`).trim();
      const context = this.canvas.getContext("2d"), ratio = devicePixelRatio || 1;
      const [width, height] = [this.canvas.width / ratio, this.canvas.height / ratio];
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.fillStyle = ink("page");
      context.fillRect(0, 0, width, height);
      context.font = "12px system-ui, sans-serif";
      context.textBaseline = "middle";
      const top = Math.max(Math.floor(this.box.scrollTop / LANE), 0);
      const bottom = Math.min(Math.ceil((this.box.scrollTop + height) / LANE), this.lanes.length);
      context.save();
      context.beginPath();
      context.rect(GUTTER, AXIS, width - GUTTER, height - AXIS);
      context.clip();
      for (let lane = top; lane < bottom; lane++) this.drawLane(context, this.lanes[lane], this.y(lane), width, ink);
      context.restore();
      this.drawNames(context, top, bottom, ink, width, height);
      this.drawAxis(context, width, ink);
      this.drawn = (this.drawn || 0) + 1;
      this.box.dataset.drawn = String(this.drawn);
    }

    y(lane) { return AXIS + lane * LANE - this.box.scrollTop; }

    drawNames(context, top, bottom, ink, width, height) {
      for (let lane = top; lane < bottom; lane++) {
        const y = this.y(lane);
        context.strokeStyle = ink(lane + 1 === this.workers ? "soft" : "line");
        context.beginPath();
        context.moveTo(0, y + LANE - 0.5);
        context.lineTo(width, y + LANE - 0.5);
        context.stroke();
        context.save();
        context.beginPath();
        context.rect(0, Math.max(y, AXIS), GUTTER - 6, LANE);
        context.clip();
        const { name, worker } = this.lanes[lane];
        context.fillStyle = worker === null ? ink("text") : ink(`w${worker % HUES}`);
        context.fillText(name, 8, y + LANE / 2);
        context.restore();
      }
      context.strokeStyle = ink("soft");
      context.beginPath();
      context.moveTo(GUTTER - 0.5, 0);
      context.lineTo(GUTTER - 0.5, height);
      context.stroke();
    }

    drawAxis(context, width, ink) {
      context.fillStyle = ink("page");
      context.fillRect(0, 0, width, AXIS);
      context.fillStyle = ink("soft");
      context.fillText(`${this.unitName}, ${this.real ? "to scale" : "in order"}`, 8, AXIS / 2);
      let free = GUTTER, position = Math.max(Math.floor(this.position(GUTTER)), 0);
      while (position < this.data.instants.length) {
        const x = this.x(position);
        if (x > width) break;
        if (x >= free) {
          const text = this.time(position);
          context.fillText(text, x, AXIS / 2);
          free = x + context.measureText(text).width + 16;
        }
        position = Math.max(position + 1, Math.floor(this.position(free)));
      }
    }

    drawLane(context, lane, y, width, ink) {
      const { calls, windows } = this.data;
      const begin = this.position(GUTTER) - 1, end = this.position(width) + 1;
      this.drawWindows(context, lane, y, begin, end, ink);
      let painted = -1;
      for (let n = first(lane.reach, begin); n < lane.calls.length; n++) {
        const number = lane.calls[n], call = calls[number];
        if (call[FROM] > end) break;
        const from = this.x(call[FROM]), to = Math.max(this.x(call[TO]), from + 2);
        if (to - painted < 1 && !call[BRIGHT] && number !== this.chosen) continue; // nothing would be seen of it
        painted = to;
        this.drawCall(context, lane, call, number, from, to, y, ink);
      }
    }

    drawWindows(context, lane, y, begin, end, ink) {
      let busy = -1;
      for (let n = first(lane.far, begin); n < lane.windows.length; n++) {
        const [, , worker, from, to, how] = this.data.windows[lane.windows[n]];
        if (from > end) break;
        const [left, right] = [this.x(from), this.x(to)];
        context.globalAlpha = 0.3;
        context.fillStyle = ink(`w${worker % HUES}`);
        context.fillRect(left, y + 3, right - left, LANE - 7);
        context.globalAlpha = 1;
        context.fillStyle = ink("clash");
        if (busy > left) context.fillRect(left, y + LANE - 6, Math.min(busy, right) - left, 4);
        if (how === "expired") context.fillRect(right - 1, y + 3, 2, LANE - 7);
        busy = Math.max(busy, right);
      }
    }

    drawCall(context, lane, call, number, from, to, y, ink) {
      const odd = call[MANNER] !== "ok", hue = ink(`w${call[WORKER] % HUES}`);
      const thin = lane.worker === null, height = thin ? 12 : 20;
      const above = y + (LANE - height) / 2 - 1;
      const bright = call[BRIGHT] || number === this.chosen;
      context.fillStyle = ink("page");
      context.fillRect(from, above, to - from, height);
      context.globalAlpha = bright ? 1 : 0.16;
      context.fillStyle = odd ? ink("page") : hue;
      context.strokeStyle = hue;
      context.setLineDash(odd ? [4, 3] : []);
      context.fillRect(from, above, to - from, height);
      context.globalAlpha = bright ? 1 : 0.6;
      context.strokeRect(from + 0.5, above + 0.5, Math.max(to - from - 1, 1), height - 1);
      context.setLineDash([]);
      if (to - from > 24) {
        context.save();
        context.beginPath();
        context.rect(from, above, to - from - (odd ? 14 : 2), height);
        context.clip();
        context.globalAlpha = 1;
        context.fillStyle = bright ? (odd ? hue : ink("bar-text")) : ink("soft");
        context.font = thin ? "10px system-ui, sans-serif" : "12px system-ui, sans-serif";
        context.fillText(thin ? call[METHOD] : `${call[CALL]} \u2192 ${call[RESULT]}`, from + 5, above + height / 2 + 0.5);
        context.restore();
        context.font = "12px system-ui, sans-serif";
      }
      if (odd && call[MANNER] !== "rejected") this.cross(context, to - 7, above + height / 2, ink("clash"));
      context.globalAlpha = 1;
      if (number === this.chosen) {
        context.strokeStyle = ink("text");
        context.lineWidth = 2;
        context.strokeRect(from - 2, above - 2, to - from + 4, height + 4);
        context.lineWidth = 1;
      }
    }

    cross(context, x, y, hue) {
      context.strokeStyle = hue;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x - 4, y - 4);
      context.lineTo(x + 4, y + 4);
      context.moveTo(x + 4, y - 4);
      context.lineTo(x - 4, y + 4);
      context.stroke();
      context.lineWidth = 1;
    }

    // -- looking at one call --

    at(event) {
      const bounds = this.canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
      const lane = this.lanes[Math.floor((y - AXIS + this.box.scrollTop) / LANE)];
      if (!lane || x < GUTTER || y < AXIS) return -1;
      const near = this.position(x - 3) - 1, far = this.position(x + 3) + 1;
      for (let n = first(lane.reach, near); n < lane.calls.length; n++) {
        const call = this.data.calls[lane.calls[n]];
        if (call[FROM] > far) break;
        if (x >= this.x(call[FROM]) - 3 && x <= Math.max(this.x(call[TO]), this.x(call[FROM]) + 2) + 3) return lane.calls[n];
      }
      return -1;
    }

    words(number) {
      const call = this.data.calls[number];
      const leases = this.data.windows.filter((each) => each[1] === number)
        .map((each) => `\nlease of ${this.data.jobs[each[0]]} until ${this.time(each[4])} ${this.unitName} (${each[5]})`);
      return `worker ${call[WORKER]}: ${call[CALL]} \u2192 ${call[RESULT]}\n` +
        `from ${this.time(call[FROM])} ${this.unitName} to ${this.time(call[TO])} ${this.unitName}, ${call[MANNER]}${call[BRIGHT] ? "; part of the witness" : ""}` +
        leases.slice(0, 5).join("");
    }

    hover(event) {
      const hit = this.at(event);
      this.tip.hidden = hit < 0;
      if (hit < 0) return;
      this.tip.textContent = this.words(hit);
      this.tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 480)}px`;
      this.tip.style.top = `${event.clientY + 16}px`;
    }

    choose(number, scroll = true) {
      this.chosen = number;
      this.said.textContent = this.words(number);
      if (scroll) {
        const call = this.data.calls[number], x = this.x(call[FROM]);
        if (x < GUTTER + 20 || x > this.width - 80) this.box.scrollLeft += x - this.width / 2;
        const lane = this.lanes.findIndex((each) => each.worker === call[WORKER]), y = this.y(lane);
        if (y < AXIS || y > this.box.clientHeight - LANE) this.box.scrollTop = lane * LANE;
      }
      this.later();
    }

    key(event) {
      const { calls } = this.data, before = this.chosen;
      const step = (next) => { if (next >= 0 && next < calls.length) this.choose(next); };
      const beside = (direction) => {
        const own = calls[Math.max(before, 0)][WORKER];
        for (let n = before + direction; n >= 0 && n < calls.length; n += direction)
          if (calls[n][WORKER] === own) return n;
        return before;
      };
      const acts = {
        ArrowRight: () => step(before + 1), ArrowLeft: () => step(before - 1),
        ArrowDown: () => step(beside(1)), ArrowUp: () => step(beside(-1)),
        Home: () => step(0), End: () => step(calls.length - 1),
        w: () => {
          const next = calls.findIndex((call, n) => call[BRIGHT] && n > before);
          step(next >= 0 ? next : calls.findIndex((call) => call[BRIGHT]));
        },
        "+": () => this.zoom(1.6), "=": () => this.zoom(1.6), "-": () => this.zoom(1 / 1.6), 0: () => this.fit(),
        Escape: () => { this.tip.hidden = true; },
      };
      if (!(event.key in acts) || event.ctrlKey || event.metaKey || event.altKey || !calls.length) return;
      event.preventDefault();
      acts[event.key]();
    }
  }

  draw();
})();
