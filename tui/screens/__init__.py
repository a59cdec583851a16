"""The screens: each collects what a person wants, hands it to the bridge, and renders values."""
