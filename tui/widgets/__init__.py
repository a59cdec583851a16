"""The few widgets of the application: each draws values, none knows the engine."""
