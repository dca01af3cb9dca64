#!/usr/bin/env python3
"""Speed and memory of a LLaMA model of 110 million parameters in spikes (W4A4) beside transformers, in one run.

usage: benches/language_models.py [--prompt 512] [--tokens 64] [--python PYTHON] [--out DIR] [--threads N]

The model has random weights (12 blocks, hidden 768, 12 heads, feed-forward 2048, vocabulary 32,000, tied embeddings).
Prefill and decoding follow one another four times with the same prompt, the first is left out, medians of the rest.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import common

ROOT = common.ROOT
MAKE = """
import sys, torch, transformers
torch.manual_seed(1)
config = transformers.LlamaConfig(hidden_size=768, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=12,
    num_key_value_heads=12, vocab_size=32000, max_position_embeddings=2048, tie_word_embeddings=True)
transformers.LlamaForCausalLM(config).save_pretrained(sys.argv[1])
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--python", help="an interpreter that has torch and transformers; otherwise an environment is made")
    parser.add_argument("--out", type=pathlib.Path, default=common.TARGET / "language-model")
    options = parser.parse_args()
    python = common.peers_python(options.python, "language-venv", ("language.txt",))
    model, spiked = options.out / "float", options.out / "spiked"
    if not (model / "model.safetensors").exists():
        subprocess.run([python, "-c", MAKE, model], check=True)
    speed = common.program("sterna-llm", "spiking")
    sizes = [str(options.prompt), str(options.tokens), str(options.threads)]
    if not (spiked / "spiked.safetensors").exists():
        subprocess.run([speed, "make", model, spiked], check=True)
    rows = []
    for command in [[speed, "run", spiked, *sizes], [speed, "run", model, *sizes],
                    [python, ROOT / "benches" / "peers" / "llama.py", model, "float32", *sizes],
                    [python, ROOT / "benches" / "peers" / "llama.py", model, "bfloat16", *sizes]]:
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if answer.returncode:
            sys.exit(f"{command[:2]} failed")
        rows.append(json.loads(answer.stdout.splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    print("\n| program | prefill tokens/s | decode tokens/s | peak memory MiB |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['program']} | {row['prefill_tokens_per_second']:.0f} | {row['decode_tokens_per_second']:.1f} | "
              f"{row['peak_mib']:.0f} |")
    first = rows[0]
    for row in rows[1:]:
        ratios = [first[key] / row[key] for key in ("prefill_tokens_per_second", "decode_tokens_per_second", "peak_mib")]
        print(f"{first['program']} to {row['program']}: prefill {ratios[0]:.2f}, decode {ratios[1]:.2f}, memory {ratios[2]:.2f}")


main()
