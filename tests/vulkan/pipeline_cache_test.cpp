// What processes add to the cache of pipelines, on a made-up driver: lavapipe keeps nothing in it.
#include "base/cache.h"
#include "support/device.h"
#include "support/environment.h"
#include "support/replaced_call.h"
#include "support/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iterator>

using namespace ablate;
using namespace ablate::test;

namespace {

/// A device whose pipeline cache holds letters. What they are is said to all such devices at once.
class LetterDevice {
 public:
  LetterDevice()
      : device(pipelines().device().instance(), {.choice = pipelines().device().caps().device_name, .without = ""}),
        get_(device, get),
        create_(device, create),
        merge_(device, merge) {
    VkPhysicalDeviceProperties properties{};
    vkGetPhysicalDeviceProperties(device.instance().choose(device.caps().device_name).handle, &properties);
    header = {sizeof(header), VK_PIPELINE_CACHE_HEADER_VERSION_ONE, properties.vendorID, properties.deviceID, {}};
    std::memcpy(header.pipelineCacheUUID, properties.pipelineCacheUUID, VK_UUID_SIZE);
  }

  Device device;
  static inline std::string letters, others;
  static inline VkPipelineCacheHeaderVersionOne header{};

 private:
  static VKAPI_ATTR VkResult VKAPI_CALL get(VkDevice, VkPipelineCache, std::size_t* size, void* data) {
    std::string all(reinterpret_cast<const char*>(&header), sizeof(header));
    all.append(letters);
    *size = all.size();
    if (data) std::memcpy(data, all.data(), all.size());
    return VK_SUCCESS;
  }
  static VKAPI_ATTR VkResult VKAPI_CALL create(VkDevice d, const VkPipelineCacheCreateInfo* info, const VkAllocationCallbacks* a,
                                               VkPipelineCache* out) {
    others.assign(static_cast<const char*>(info->pInitialData) + sizeof(header), info->initialDataSize - sizeof(header));
    VkPipelineCacheCreateInfo empty = *info;
    empty.initialDataSize = 0;
    return ReplacedCall<&VolkDeviceTable::vkCreatePipelineCache>::real()(d, &empty, a, out);
  }
  static VKAPI_ATTR VkResult VKAPI_CALL merge(VkDevice, VkPipelineCache, std::uint32_t, const VkPipelineCache*) {
    letters += others;
    std::sort(letters.begin(), letters.end());
    letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
    return VK_SUCCESS;
  }

  ReplacedCall<&VolkDeviceTable::vkGetPipelineCacheData> get_;
  ReplacedCall<&VolkDeviceTable::vkCreatePipelineCache> create_;
  ReplacedCall<&VolkDeviceTable::vkMergePipelineCaches> merge_;
};

CacheFile cache_file() {
  const Caps& caps = pipelines().device().caps();
  return CacheFile(fmt::format("pipelines-{:08x}-{:08x}-{:08x}.bin", caps.vendor_id, caps.device_id, caps.driver_version));
}

/// The letters in the cache on disk.
std::string kept() {
  const auto content = cache_file().read();
  if (!content) return "none";
  const auto letters = content->bytes().subspan(sizeof(VkPipelineCacheHeaderVersionOne));
  return {reinterpret_cast<const char*>(letters.data()), letters.size()};
}

}  // namespace

TEST_CASE("processes that compiled different pipelines leave all of them") {
  const TemporaryFolder folder;
  const EnvironmentVariable variable("ABLATE_CACHE", folder.path().string());
  const LetterDevice first, second;  // both began when there was nothing yet
  LetterDevice::letters = "abc";
  CHECK(first.device.save_pipeline_cache() == "");
  CHECK(kept() == "abc");
  LetterDevice::letters = "bd";
  CHECK(second.device.save_pipeline_cache() == "");
  CHECK(kept() == "abcd");
  LetterDevice::letters = "abcde";
  CHECK(second.device.save_pipeline_cache() == "");
  CHECK(kept() == "abcde");
}

TEST_CASE("pipelines of another build of the driver are replaced, though they are more") {
  const TemporaryFolder folder;
  const EnvironmentVariable variable("ABLATE_CACHE", folder.path().string());
  const LetterDevice device;
  LetterDevice::letters = "xyz";
  LetterDevice::header.pipelineCacheUUID[3] ^= 1;
  CHECK(device.device.save_pipeline_cache() == "");
  LetterDevice::header.pipelineCacheUUID[3] ^= 1;
  LetterDevice::letters = "ab";
  CHECK(device.device.save_pipeline_cache() == "");
  CHECK(kept() == "ab");
}

TEST_CASE("a cache of pipelines that cannot be written is told of, and nothing else happens") {
  const TemporaryFolder folder;
  write_atomically(folder / "file", "");
  const EnvironmentVariable variable("ABLATE_CACHE", (folder / "file").string());
  const LetterDevice device;
  LetterDevice::letters = "abc";
  CHECK(device.device.save_pipeline_cache().starts_with("nothing can be kept in the cache folder"));
}

TEST_CASE("a cache of pipelines does not grow without end, in bytes or in files") {
  const TemporaryFolder folder;
  const EnvironmentVariable variable("ABLATE_CACHE", folder.path().string());
  for (int i = 0; i < 20; ++i) write_atomically(folder / fmt::format("pipelines-of-an-older-driver-{}.bin", i), "x");
  LetterDevice::letters.assign((128u << 20) + 1, 'x');
  const LetterDevice first, second;
  CHECK(first.device.save_pipeline_cache() == "");
  CHECK(kept().size() == LetterDevice::letters.size());
  const auto files = std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator());
  CHECK(files == 8);
  LetterDevice::letters = "ab";  // what is too large is not merged
  CHECK(second.device.save_pipeline_cache() == "");
  CHECK(kept() == "ab");
}
