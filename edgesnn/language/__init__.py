"""Language models that only work when something happens: event-based gated recurrent networks."""
