// The composition root of the worker process; see ARCHITECTURE.md.
export {};
