#include "edgesnn.h"

/* Half a byte at a time: a table of 64 bytes instead of 1024, for a third of the speed. */
uint32_t esnn_crc32(uint32_t crc, const void *bytes, uint32_t num_bytes) {
    static const uint32_t of_nibble[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
        0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
        0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
    const uint8_t *byte = bytes;
    crc = ~crc;
    for (; num_bytes; num_bytes--) {
        crc ^= *byte++;
        crc = crc >> 4 ^ of_nibble[crc & 15u];
        crc = crc >> 4 ^ of_nibble[crc & 15u];
    }
    return ~crc;
}
