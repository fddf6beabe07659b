// What is asked of one NVIDIA H200, beside what others reach there; on a CPU, what is asked of two cores under lavapipe.
#include "experiment/bench/suite_rows.h"

namespace ablate {
namespace {

//                                      vocabulary, width, layers, heads (keys'), feed-forward, context
const TransformerConfig model_7m = llama(4097, 256, 6, 4, 4, 688, 256), model_60m = llama(32000, 512, 8, 8, 8, 1408, 1024),
                        model_1b = llama(32000, 2048, 22, 32, 4, 5632, 4096), model_7b = llama(32000, 4096, 32, 32, 32, 11008, 4096);

constexpr MatmulShape f32_product{8192, 8192, 8192, 1, DType::f32, DType::f32, Layout::nn},
    f16_product{8192, 8192, 8192, 1, DType::f16, DType::f32, Layout::nn};

Suite gpu_suite() {
  return {
      "what is asked of an H200",
      "NVIDIA H200",
      {{"matmul-f32",
        "f32 matmul 8192^3",
        "TFLOP/s",
        {{"cuBLAS", 51}, {"llama.cpp Vulkan", 28}},
        40,
        matmul_measure(f32_product, Rate::tflop)},
       {"matmul-f16",
        "f16 -> f32 matmul 8192^3, best tier",
        "TFLOP/s",
        {{"llama.cpp Vulkan", 274}, {"cuBLAS", 725}},
        280,
        matmul_measure(f16_product, Rate::tflop)},
       {"matmul-f16-khr",
        "the same, KHR cooperative matrix only",
        "TFLOP/s",
        {{"vk_cooperative_matrix_perf", 194}, {"llama.cpp", 49}},
        200,
        matmul_measure(f16_product, Rate::tflop, "coopmat2")},
       {"rmsnorm", "RMSNorm 16384 x 4096 f32", "TB/s", {{"PyTorch", 2.86}}, 3.4, case_measure("rmsnorm", "16384x4096 f32", Rate::tbyte)},
       {"swiglu", "SwiGLU 16384 x 11008 f32", "TB/s", {{"PyTorch", 2.56}}, 3.4, case_measure("swiglu", "16384x11008 f32", Rate::tbyte)},
       {"top3",
        "top-3 channels per row 16384 x 4096 f32",
        "TB/s",
        {{"PyTorch", 0.23}},
        3.0,
        case_measure("top_channels", "16384x4096 f32", Rate::tbyte)},
       {"attention-f16",
        "causal attention B 4 H 32 T 4096 d 128 f16",
        "TFLOP/s",
        {{"llama.cpp Vulkan", 71}, {"PyTorch flash", 582}},
        150,
        case_measure("attention", "4x4096 32 heads of 128 f16", Rate::tflop)},
       {"attention-bf16",
        "the same bf16",
        "TFLOP/s",
        {{"PyTorch flash", 582}},
        150,
        case_measure("attention", "4x4096 32 heads of 128 bf16", Rate::tflop)},
       {"attention-backward-bf16",
        "its backward pass bf16",
        "TFLOP/s",
        {},
        {},
        case_measure("attention", "4x4096 32 heads of 128 bf16 backward", Rate::tflop)},
       {.id = "sinks",
        .what = "sink statistics of a probe, of that attention's time",
        .unit = "%",
        .asked = 5,
        .measure = share_measure("sinks", "4x4096 32 heads of 128 bf16 as a probe", "attention", "4x4096 32 heads of 128 bf16"),
        .at_most = true},
       {"train-7m-mixed",
        "train 7M mixed-bf16",
        "tokens/s",
        {{"PyTorch eager bf16 at best", 1.4e6}},
        2.0e6,
        training_measure(model_7m, 128, "mixed-bf16")},
       {"train-7m-f16", "train 7M mixed-f16", "tokens/s", {}, {}, training_measure(model_7m, 128, "mixed-f16")},
       {"train-7m-f32", "train 7M f32", "tokens/s", {}, {}, training_measure(model_7m, 128, "f32")},
       {"train-60m-f32",
        "train 60M f32",
        "tokens/s",
        {{"PyTorch f32", 138e3}, {"tf32", 323e3}},
        130e3,
        training_measure(model_60m, 16, "f32")},
       {"train-60m-mixed",
        "train 60M mixed-bf16",
        "tokens/s",
        {{"PyTorch bf16", 534e3}, {"compiled bf16", 823e3}},
        540e3,
        training_measure(model_60m, 16, "mixed-bf16")},
       {"probe-1b",
        "probe 1.1B Llama bf16 T 4096 (6 GB asked)",
        "tokens/s",
        {{"Transformers bf16, 31.9 GB", 23e3}},
        50e3,
        probe_measure(model_1b, DType::bf16, 32, 4096)},
       {"probe-7b",
        "probe 7B Llama bf16 T 4096 (20 GB asked)",
        "tokens/s",
        {{"Transformers bf16, 56.7 GB", 12.1e3}},
        12.5e3,
        probe_measure(model_7b, DType::bf16, 16, 4096)}}};
}

Suite cpu_suite() {
  return {"what is asked of a CPU",
          "two cores, lavapipe 22.3",
          {{"matmul-cpu",
            "f32 matmul 1024^3",
            "GFLOP/s",
            {{"llama.cpp", 3.1}},
            6,
            matmul_measure({1024, 1024, 1024, 1, DType::f32, DType::f32, Layout::nn}, Rate::gflop)}}};
}

const SuiteRegistration registration{"h200", [](const Caps& caps) { return caps.is_cpu() ? cpu_suite() : gpu_suite(); }};

}  // namespace
}  // namespace ablate
