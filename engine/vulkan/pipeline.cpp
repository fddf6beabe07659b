#include "vulkan/pipeline.h"

#include "base/error.h"
#include "vulkan/check.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

namespace ablate {

void Pipelines::prepare(const std::vector<PipelineKey>& wanted) {
  if (device_.caps().is_cpu()) return;  // compiles at first use, on all cores
  struct Job {
    const ShaderModule* module;
    Pipeline pipeline;
    std::exception_ptr error;
  };
  std::map<PipelineKey, Job> jobs;
  for (const PipelineKey& key : wanted)
    if (!pipelines_.contains(key)) jobs.emplace(key, Job{&library_.find(key.shader), {}, nullptr});
  std::vector<std::pair<const PipelineKey, Job>*> queue;
  for (auto& job : jobs) queue.push_back(&job);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < queue.size(); i = next++) {
      auto& [key, job] = *queue[i];
      try {
        job.pipeline = create(*job.module, key.constants, key.subgroup);
      } catch (...) {
        job.error = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min<std::size_t>(queue.size(), std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
    work();
  }
  for (auto& [key, job] : jobs)
    if (!job.error) pipelines_.emplace(key, std::move(job.pipeline));
  for (const auto& [key, job] : jobs)
    if (job.error) std::rethrow_exception(job.error);
}

const Pipeline& Pipelines::get(const std::string& shader, const Specialization& constants, std::uint32_t subgroup) {
  const PipelineKey key{shader, constants, subgroup};
  if (const auto known = pipelines_.find(key); known != pipelines_.end()) return known->second;
  return pipelines_.emplace(key, create(library_.find(shader), constants, subgroup)).first->second;
}

Pipeline Pipelines::create(const ShaderModule& module, const Specialization& constants, std::uint32_t subgroup) const {
  const VolkDeviceTable& vk = device_.vk();
  std::vector<VkSpecializationMapEntry> entries;
  std::vector<std::uint32_t> values;
  const auto specialize = [&](std::uint32_t id, std::uint32_t value) {
    entries.push_back({id, static_cast<std::uint32_t>(values.size() * 4), 4});
    values.push_back(value);
  };
  for (const auto& [name, value] : constants) {
    const auto found = module.reflection.specialization.find(name);
    require(found != module.reflection.specialization.end(), "shader {} has no specialization constant {}", module.name, name);
    specialize(found->second, value);
  }
  const auto specialize_if_there = [&](const char* name, std::uint32_t value) {
    const auto found = module.reflection.specialization.find(name);
    if (found != module.reflection.specialization.end()) specialize(found->second, value);
  };
  const auto given = std::find_if(constants.begin(), constants.end(), [](const auto& c) { return c.first == "LANES"; });
  const std::uint32_t lanes = given == constants.end() ? device_.lanes() : given->second;
  if (given == constants.end()) specialize_if_there("LANES", lanes);
  // CPU drivers fill their subgroups; a GPU may split a workgroup of that size all the same.
  specialize_if_there("SINGLE_SUBGROUP", device_.caps().is_cpu() && lanes == device_.caps().subgroup_size);

  const VkShaderModuleCreateInfo code{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, nullptr, 0, module.spirv.size() * 4,
                                      module.spirv.data()};
  Owned<VkShaderModule> handle;
  check(vk.vkCreateShaderModule(device_.handle(), &code, nullptr, handle.on(device_)), "vkCreateShaderModule for " + module.name);

  Pipeline pipeline;
  pipeline.shader = &module;
  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, (module.reflection.push_bytes + 3) / 4 * 4};
  const VkPipelineLayoutCreateInfo layout{
      VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, nullptr, 0, 0, nullptr, range.size ? 1u : 0u, &range};
  check(vk.vkCreatePipelineLayout(device_.handle(), &layout, nullptr, pipeline.layout.on(device_)),
        "vkCreatePipelineLayout for " + module.name);
  const VkSpecializationInfo specialization{static_cast<std::uint32_t>(entries.size()), entries.data(), values.size() * 4, values.data()};
  const VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
                                                                 nullptr, subgroup};
  const VkPipelineShaderStageCreateInfo stage{
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      subgroup ? &size : nullptr,
      subgroup ? VkPipelineShaderStageCreateFlags{VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT} : 0u,
      VK_SHADER_STAGE_COMPUTE_BIT,
      handle,
      "main",
      &specialization};
  const VkPipelineCreateFlags flags = device_.statistics() ? VkPipelineCreateFlags{VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR} : 0u;
  const VkComputePipelineCreateInfo info{
      VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, nullptr, flags, stage, pipeline.layout, nullptr, -1};
  check(vk.vkCreateComputePipelines(device_.handle(), device_.pipeline_cache(), 1, &info, nullptr, pipeline.handle.on(device_)),
        fmt::format("vkCreateComputePipelines for {} on {}", module.name, device_.caps().device_name));
  device_.instance().throw_on_message();
  return pipeline;
}

std::vector<std::pair<std::string, double>> Pipelines::statistics(const Pipeline& pipeline) const {
  std::vector<std::pair<std::string, double>> all;
  if (!device_.statistics()) return all;
  const VolkDeviceTable& vk = device_.vk();
  const VkPipelineInfoKHR info{VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, nullptr, pipeline.handle};
  std::uint32_t executables = 0;
  check(vk.vkGetPipelineExecutablePropertiesKHR(device_.handle(), &info, &executables, nullptr), "vkGetPipelineExecutablePropertiesKHR");
  for (std::uint32_t i = 0; i < executables; ++i) add_statistics(pipeline, i, all);
  return all;
}

void Pipelines::add_statistics(const Pipeline& pipeline, std::uint32_t index, std::vector<std::pair<std::string, double>>& all) const {
  const VolkDeviceTable& vk = device_.vk();
  const VkPipelineExecutableInfoKHR executable{VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, nullptr, pipeline.handle, index};
  std::uint32_t count = 0;
  check(vk.vkGetPipelineExecutableStatisticsKHR(device_.handle(), &executable, &count, nullptr), "vkGetPipelineExecutableStatisticsKHR");
  std::vector<VkPipelineExecutableStatisticKHR> told(count);
  for (auto& statistic : told) statistic.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  check(vk.vkGetPipelineExecutableStatisticsKHR(device_.handle(), &executable, &count, told.data()),
        "vkGetPipelineExecutableStatisticsKHR");
  for (const auto& statistic : told) {
    switch (statistic.format) {
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: all.emplace_back(statistic.name, statistic.value.b32 ? 1 : 0); break;
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        all.emplace_back(statistic.name, static_cast<double>(statistic.value.i64));
        break;
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        all.emplace_back(statistic.name, static_cast<double>(statistic.value.u64));
        break;
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR: all.emplace_back(statistic.name, statistic.value.f64); break;
      default: break;
    }
  }
}

}  // namespace ablate
