"""A report for a pull request: the answer first, and nothing that a store delivers becomes markup."""

from __future__ import annotations

from dataclasses import replace

from async_contract.judge.verdict import Violation
from async_contract.report.markdown import render
from tests.report.reports import HISTORY, broken, report, told


def test_a_broken_target() -> None:
    """Grade, the story of what is broken, what else is not held, and what is."""
    text = render(
        report({"lease/exclusive": "broken", "fail/unknown-reported": "broken", "fail/ends": "known"}, told())
    )
    assert text.startswith("""\
# async-contract

**mypkg.Store**: broken (known\\: 1)

## mypkg.Store

### lease/exclusive is broken

The contract says (MUST): a job on lease is delivered to nobody until it is failed or its lease ends; \
opening or closing another connection ends no lease.

What happened: job-1 was delivered twice.

It takes this schedule: worker 1 is late

```text
   ms  worker 0                        worker 1
0.000  lease(1) -> job-1 [attempts=0]
0.002                                  lease(1) -> job-1 [attempts=0]
```

It can be replayed: statement-exact

```sh
pytest --async-contract=mypkg.Store 'async-contract/mypkg.Store::lease::exclusive'
```

| clause | verdict | count | order | |
| --- | --- | ---: | --- | --- |
| lease/exclusive | broken | 5 | statement-exact | job-1 was delivered twice. |
| fail/ends | known | 5 |  | why known |
| fail/unknown-reported | broken (SHOULD) | 5 |  | why broken |

<details><summary>""")
    assert text.endswith("Contract 1, pytest-async-contract 1.2.3, seed 0.\n")


def test_a_target_that_keeps_everything_and_one_that_was_not_run() -> None:
    """No empty table is shown."""
    text = render(report())
    assert "| --- |" in text.partition("<details>")[2]
    assert "| --- |" not in text.partition("<details>")[0]
    nothing = report(dict.fromkeys((each.id for each in report().targets[0].clauses), ""))
    assert "<details>" not in render(nothing)


def test_hostile_text_is_no_markup() -> None:
    """It is escaped, and a fence is longer than any in it."""
    hostile = "<script>alert(1)</script> | [x](http://x) ``` @all \x1b[31m \u202e\n# no"
    violation = Violation("lease/exclusive", hostile, None, HISTORY[1:3])
    story = told(violation)
    story = replace(story, diagram="````\n<b>", reproduce="")
    text = render(report({"lease/exclusive": "broken"}, story))
    assert "<script" not in text.replace("\\<script", "")
    escaped = r"\<script\>alert(1)\</script\> \| \[x\](http\://x) \`\`\` \@all \\x1b\[31m \\u202e\\n\# no"
    assert f"What happened: {escaped}\n" in text
    assert "\n`````text\n````\n<b>\n`````\n" in text


def test_a_report_without_a_command() -> None:
    """There is no empty block."""
    story = replace(told(), diagram="", reproduce="")
    assert "```" not in render(report({"lease/exclusive": "broken"}, story))
    assert "```sh" in render(broken())


def test_what_was_observed_is_folded_away() -> None:
    """It is no verdict."""
    made = report()
    (target,) = made.targets
    text = render(replace(made, targets=[replace(target, observed={"fail of an unknown id": "ignored"})]))
    assert text.partition("</details>\n\n")[2].startswith("""\
<details><summary>What it does where the contract leaves it free</summary>

| tried | seen |
| --- | --- |
| fail of an unknown id | ignored |

</details>
""")
