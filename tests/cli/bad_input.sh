#!/usr/bin/env bash
# Bad input gets one line that names what and where, exit code 2, and leaves nothing behind.
set -u
ablate=$1 golden=$(cd "$(dirname "${BASH_SOURCE[0]}")/../golden/hf" && pwd) failed=0
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cd "$dir"
cp -r "$golden/planted" model
base='name = "x"
kind = "intervene"
[model]
checkpoint = "model"
[data]
source = "tokens"
file = "model/expected.safetensors"'

# refuses WHAT EXPECTED_TEXT: x.toml must be refused with a line holding EXPECTED_TEXT.
refuses() {
  local output code lines
  output=$("$ablate" run x.toml --out runs 2>&1 > /dev/null) && code=0 || code=$?
  lines=$(printf '%s\n' "$output" | wc -l)
  if [ "$code" -ne 2 ] || [ "$lines" -ne 1 ] || [[ "$output" != *"$2"* ]] || [ -e runs ]; then
    echo "FAILED $1: exit $code, expected one line with \"$2\", found: $output"; failed=$((failed + 1)); rm -rf runs
  fi
}
printf '%s\n' "$base" 'typo = 1' > x.toml;                                              refuses "unknown key" "typo"
printf '%s\n' "$base" > x.toml; sed -i 's/"model"/3/' x.toml;                           refuses "wrong type" "x.toml:4"
printf '%s\n' "$base" > x.toml; sed -i 's#checkpoint = "model"#checkpoint = "none"#' x.toml; refuses "missing folder" "none"
printf '%s\n' "$base" | sed '4a stored = "q4_K"' > x.toml;                              refuses "a format that is only read" 'x.toml:5: model.stored: expected one of'
printf '%s\n' "$base" '[[intervention]]' 'at = "block.99"' 'do = "zero"' > x.toml;      refuses "no such hook point" "block.99"
printf '%s\n' "$base" '[[intervention]]' 'at = "block.1"' 'do = "zero"' 'channels = [64]' > x.toml; refuses "no such channel" "64"
printf '%s\n' "$base" '[[intervention]]' 'at = "attn.probs"' 'do = "mask_key"' 'tokens = 95' > x.toml; refuses "changes nothing" "changes nothing"
# edit TABLE KEY: an intervention, one line a key, must be refused with the line of KEY.
edit() {
  printf '%s\n' "$base" '[[intervention]]' > x.toml
  printf '%b\n' "$1" >> x.toml
  refuses "$1" "x.toml:$(grep -n "^$2 = " x.toml | tail -1 | cut -d: -f1): intervention.$2"
}
edit 'at = "block.1"\ndo = "zero"\nheads = [0]' heads
edit 'at = "block.1"\ndo = "zero"\nvalue = 1' value
edit 'at = "block.1"\ndo = "set"\nvalue = 1\nstatistics = "means.safetensors"' statistics
edit 'at = "block.1"\ndo = "skip"\nchannels = [1]' channels
edit 'at = "attn_norm"\ndo = "norm"\nvalue = "layernorm"\ntokens = [0]' tokens
edit 'at = "block.1"\ndo = "norm"\nvalue = "layernorm"' at
edit 'at = "logits"\ndo = "zero"\nchannels = "spike"' channels
printf '%s\n' "$base" > x.toml
head -c 100000 model/model.safetensors > cut && mv cut model/model.safetensors;         refuses "truncated safetensors" "model.safetensors"

# Weights: safetensors HEADER BYTES writes model/model.safetensors with that header and so many bytes after it.
safetensors() {
  printf "\\$(printf %o $((${#1} % 256)))\\$(printf %o $((${#1} / 256)))\0\0\0\0\0\0" > model/model.safetensors
  printf '%s' "$1" >> model/model.safetensors
  head -c "$2" /dev/zero >> model/model.safetensors
}
tensor='"dtype":"F32","shape":[2],"data_offsets"'
printf '\377\377\377\377\0\0\0\0{}' > model/model.safetensors;                        refuses "a header larger than the file" "the header says"
safetensors "{\"a\":{$tensor:[0,8]},\"b\":{$tensor:[4,12]}}" 12;                       refuses "overlapping tensors" "overlap"
safetensors '{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}' 8; refuses "an absurd shape" "more than 2^63"
safetensors "{\"a\":{$tensor:[0,8]}}" 8;                                                refuses "a missing tensor" "is missing"
rm model/model.safetensors;                                                             refuses "no weights" "holds neither"
echo '{"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}}' > model/model.safetensors.index.json
refuses "a missing shard" "the shard model-00001-of-00002.safetensors is missing"
sed -i 's/LlamaForCausalLM/GPT2LMHeadModel/' model/config.json;                         refuses "an unsupported architecture" "GPT2LMHeadModel"
sed -i 's/GPT2LMHeadModel/LlamaForCausalLM/; s/"hidden_act": "silu"/"hidden_act": "silu", "logit_scale": 2/' model/config.json
refuses "a key that changes the arithmetic" "logit_scale"

# Texts: the tokenizer is read before anything else of the data.
rm -r model && cp -r "$golden/planted" model
echo 'some text' > text.txt && echo '{"model": {"type": "Unigram", "vocab": []}}' > model/tokenizer.json
printf '%s\n' "$base" | sed 's/"tokens"/"text"/; s#^file = .*#files = ["text.txt"]#' > x.toml
refuses "an unknown kind of tokenizer" "Unigram"
echo '{"model": ' > model/tokenizer.json;                                               refuses "a tokenizer.json cut short" "tokenizer.json"

# Files that are not what they are called.
fresh() { rm -rf model && cp -r "$golden/planted" model && printf '%s\n' "$base" > x.toml; }
pointer='version https://git-lfs.github.com/spec/v1
oid sha256:4444444444444444444444444444444444444444444444444444444444444444
size 13500'
for name in model.safetensors config.json expected.safetensors; do
  fresh && echo "$pointer" > "model/$name";                                             refuses "a Git LFS pointer as $name" "$name: is a Git LFS pointer, not the file itself"
done
fresh && echo "$pointer" > x.toml;                                                      refuses "a Git LFS pointer as the experiment" "x.toml: is a Git LFS pointer"
fresh && sed -i 's/"vocab_size"/vocab_size/' model/config.json;                         refuses "a mistake in JSON" "not JSON: "
fresh && sed -i 's/"num_attention_heads": [0-9]*/"num_attention_heads": 0/' model/config.json
refuses "a size out of range" "num_attention_heads: expected 1 to"
fresh && mkfifo model/pipe && sed -i 's#model/expected.safetensors#model/pipe.bin#' x.toml && mv model/pipe model/pipe.bin
refuses "a pipe as data" "pipe.bin: is a pipe"
fresh && mkdir model/folder.bin && sed -i 's#model/expected.safetensors#model/folder.bin#' x.toml; refuses "a folder as data" "folder.bin: is a folder"
fresh && : > model/model.safetensors;                                                   refuses "an empty file" "model.safetensors: is empty"
fresh && mv model/config.json model/adapter_config.json;                                refuses "a LoRA adapter" "adapter (LoRA)"
fresh && mv model/model.safetensors model/consolidated.safetensors;                     refuses "Meta's weights" "consolidated.safetensors has"
fresh && sed -i 's#checkpoint = "model"#checkpoint = "model/config.json"#' x.toml;      refuses "a file as the checkpoint" "is a file; a checkpoint is the folder"
fresh && printf '%s\n' 'bos = true' >> x.toml && sed -i 's/"bos_token_id": [0-9]*/"bos_token_id": null/' model/config.json
refuses "a beginning-of-sequence token that nobody named" "give data.bos_id"
if [ "$(id -u)" -ne 0 ] || command -v setpriv > /dev/null; then
  fresh && chmod 000 model/model.safetensors && chmod 755 . && real=$ablate
  if [ "$(id -u)" -eq 0 ]; then ablate=./as_nobody; printf '#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups "%s" "$@"\n' "$real" > as_nobody && chmod 755 as_nobody; fi
  refuses "a file without permission" "model.safetensors: cannot be opened (Permission denied)"
  ablate=$real
fi
# A variable that is not set, as the folder of the results.
fresh && output=$("$ablate" run x.toml --out "" 2>&1) && code=0 || code=$?
if [ "$code" -ne 2 ] || [[ "$output" != *"--out: expected a folder"* ]] || [ -e x ]; then echo "FAILED --out \"\": exit $code, found: $output"; failed=$((failed + 1)); fi
[ "$failed" -eq 0 ] && echo "all bad input refused"
