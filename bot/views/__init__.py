"""Every word said to people: values in, messages out."""
