"""The figures of docs/performance.md, each row measured by a module of its own: ``python -m tests.bench``."""
