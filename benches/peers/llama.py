"""Speed of a LLaMA model in transformers, one JSON line. usage: llama.py FOLDER DTYPE PROMPT TOKENS THREADS"""
import json
import resource
import statistics
import sys
import time

import torch
import transformers

folder, dtype, prompt, tokens, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
ids = torch.randint(3, model.config.vocab_size, (1, prompt), generator=torch.Generator().manual_seed(1))
prefill, decode = [], []
with torch.inference_mode():
    for repeat in range(4):
        start = time.perf_counter()
        # Logits of the last token only, as in generation.
        out = model(ids, use_cache=True, logits_to_keep=1)
        between = time.perf_counter()
        for _ in range(tokens):
            out = model(out.logits[:, -1:].argmax(-1), past_key_values=out.past_key_values, use_cache=True)
        end = time.perf_counter()
        if repeat:
            prefill.append(prompt / (between - start))
            decode.append(tokens / (end - between))
print(json.dumps({"program": f"transformers {dtype}", "prefill_tokens_per_second": statistics.median(prefill),
                  "decode_tokens_per_second": statistics.median(decode),
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
