"""Between the screens and the engine: values, port and watching."""
