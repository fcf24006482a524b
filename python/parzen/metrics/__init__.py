"""The metrics, one module each; their names are public in `parzen` itself."""
