/* What the device says of itself. PORT_CLOCK_KHZ is the clock of SET_TIMER, not the processor's. */
enum {
    PORT_CLOCK_KHZ = 1000,
    PORT_NEURONS_LOG2 = 12,
    PORT_SYNAPSE_WORDS_LOG2 = 16,
    PORT_INPUTS_LOG2 = 12,
    PORT_EVENTS_LOG2 = 12,
    PORT_PROGRAM_WORDS_LOG2 = 10,
    PORT_READOUT_NEURONS_LOG2 = 10
};
