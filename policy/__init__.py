"""What no stack may do: rules over resources, and the Pulumi policy pack that enforces them."""
