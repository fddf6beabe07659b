// The one translation unit that holds the Vulkan loader's function table.
#define VOLK_IMPLEMENTATION
#include <volk.h>
