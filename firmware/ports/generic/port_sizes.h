/* What your device says of itself; the RAM that this takes is in the README. All sizes are powers of
 * two, given as their logarithms. */
enum {
    PORT_CLOCK_KHZ = 1000,
    PORT_NEURONS_LOG2 = 10,
    PORT_SYNAPSE_WORDS_LOG2 = 14,
    PORT_INPUTS_LOG2 = 10,
    PORT_EVENTS_LOG2 = 10,
    PORT_PROGRAM_WORDS_LOG2 = 8,
    PORT_READOUT_NEURONS_LOG2 = 6
};
