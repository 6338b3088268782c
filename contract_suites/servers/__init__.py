"""Servers for the suites, each started when its URL is first asked for.

    from contract_suites.servers import postgres
    postgres.url()  # 'postgresql://postgres:…@127.0.0.1:41873/postgres'

`postgres`, `valkey`, `nats` and `beanstalkd` have a `url()` each. It starts a server on a free port of the
loopback interface, at most once in a process, and ends it with the process, however that ends. Three of
them come in wheels; beanstalkd is found on PATH. The environment variables ASYNC_CONTRACT_POSTGRES_URL,
ASYNC_CONTRACT_VALKEY_URL, ASYNC_CONTRACT_NATS_URL and ASYNC_CONTRACT_BEANSTALKD_URL name a server of your
own instead: jobs of the suites stand there in schemas, keys, streams and tubes whose names begin with
`ac_`, and nothing else is touched.
"""
