"""PHP that configures a store: read here, or asked of php itself."""
