"""The native API of `templates_app`: templates and their versions."""
