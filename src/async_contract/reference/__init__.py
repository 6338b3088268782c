"""What a correct implementation looks like: a store, a runner, a router and two sanitizers."""
