# What the Makefiles of the ports share. A port sets PORT, CPU, CROSS, ARCH, SOURCES and SCRIPT.
#
#   make            the device, an ELF file
#   make echo       a program that sends back what comes
#   make measure MEASURE_DATA=FOLDER    counts instructions; FOLDER holds measure_data.h
#   make node NODE_DATA=FOLDER          a sensor node; FOLDER holds node_data.h. Only where the port
#                                       has what port.h asks for it
#
# Any variable may be given on the command line. The environment's CC and CFLAGS are for this machine
# and do not count.

PORTS    := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
FIRMWARE := $(patsubst %/,%,$(dir $(PORTS)))
BUILD    := $(FIRMWARE)/build/$(PORT)/$(CPU)
CC       := $(CROSS)gcc
OPT      := -O2
CFLAGS   := -pedantic -Wall -Wextra -Wconversion -Wshadow
LDFLAGS  :=
LIBS     := -lgcc
FLAGS     = $(ARCH) -std=c11 -ffreestanding -ffunction-sections -fdata-sections $(OPT) $(CFLAGS) \
            -I$(FIRMWARE)/include -I$(PORTS) -I$(CURDIR)

RUNTIME := $(addprefix $(FIRMWARE)/src/,edgesnn.c edgesnn_load.c edgesnn_crc32.c)
LINK    := $(addprefix $(FIRMWARE)/src/,edgesnn_frames.c edgesnn_device.c)
NODE    := $(addprefix $(FIRMWARE)/src/,edgesnn_node.c edgesnn_ring.c edgesnn_encoders.c \
             edgesnn_frames.c edgesnn_crc32.c)
COMMON  := $(addprefix $(CURDIR)/,$(SOURCES)) $(PORTS)/freestanding.c

.PHONY: device echo measure node clean
.DEFAULT_GOAL := device
device:  $(BUILD)/device.elf
echo:    $(BUILD)/echo.elf
measure: $(BUILD)/measure.elf
node:    $(BUILD)/node.elf

HEADERS := $(wildcard $(FIRMWARE)/include/*.h $(FIRMWARE)/src/*.h $(PORTS)/*.h $(CURDIR)/*.h)
vpath %.c $(FIRMWARE)/src $(PORTS) $(CURDIR)
vpath %.S $(CURDIR)

object = $(addprefix $(BUILD)/,$(addsuffix .o,$(basename $(notdir $(1)))))

$(BUILD)/device.elf:  $(call object,$(PORTS)/device.c $(RUNTIME) $(LINK) $(COMMON))
$(BUILD)/echo.elf:    $(call object,$(PORTS)/echo.c $(COMMON))
$(BUILD)/measure.elf: $(call object,$(PORTS)/measure.c $(RUNTIME) $(COMMON))
$(BUILD)/node.elf:    $(call object,$(PORTS)/node.c $(NODE) $(COMMON))

$(BUILD)/%.elf: $(CURDIR)/$(SCRIPT)
	$(CC) $(ARCH) $(LDFLAGS) -nostdlib -static -Wl,--gc-sections -Wl,-Map=$(BUILD)/$*.map \
	    -Wl,-T,$(CURDIR)/$(SCRIPT) $(filter %.o,$^) $(LIBS) -o $@

$(BUILD)/measure.o: FLAGS += -I$(MEASURE_DATA)
$(BUILD)/measure.o: $(MEASURE_DATA)/measure_data.h
$(BUILD)/node.o: FLAGS += -I$(NODE_DATA)
$(BUILD)/node.o: $(NODE_DATA)/node_data.h

$(BUILD)/%.o: %.c $(HEADERS) | $(BUILD)
	$(CC) $(FLAGS) -c $< -o $@

$(BUILD)/%.o: %.S | $(BUILD)
	$(CC) $(ARCH) -c $< -o $@

$(BUILD):
	mkdir -p $@

clean:
	rm -rf $(BUILD)
