"""The wire's methods, one module a noun."""
