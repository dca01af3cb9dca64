"""Writes the folders of llm/tests/fixtures: tiny random models, their tokenizers, and what `transformers` computes
with them. The Rust tests compare with these files; they need no Python.

    pip install torch==2.15.0 transformers==5.24.0 tokenizers==0.23.3 safetensors==0.8.0
    python llm/tests/python/llama_fixtures.py

Each folder holds a model as Hugging Face writes it and `expected.safetensors`: `tokens` (I32, one sequence), `logits`
(F32, [tokens, vocabulary]) and `greedy` (I32, the tokens that greedy decoding appends to the first four). Where there is a
tokenizer, `expected_tokens.json` lists texts, their tokens, and what the tokens decode to. `texts.json` of one folder is a
list of texts, `expected_texts.json` the mean negative log-likelihood of their tokens, in windows of the joined text and text
by text, and the greedy continuation of a prompt.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
SIZES = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
CORPUS = [
    "Once upon a time there was a little tern who lived by the sea. The tern loved to fly over the waves.",
    "One day the little tern saw a big red boat. \"What is that?\" said the tern to the old gull.",
    "The old gull said: that is a boat, and the people in it look for fish, as you do every day.",
] * 4
TEXTS = [
    "",
    " ",
    "The little tern flew over the sea.",
    "  two  spaces, a tab\tand a line\nend \n\n",
    "Ünïcödé – 戦場のヴァルキュリア, émigré, e\u0301",
    "🐦🌊 terns: 12345 + 6.789 = 12351.789; it's WE'LL they'd",
    "<s> said the </s> tern",
    "a\u0000b\u200bc\ufffdd",
]


def random_weights(model, seed):
    """Weights large enough for the attention to be uneven and the logits to differ."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.3 * noise if "norm" in name else 0.4 * noise)


def write(name, model, seed, tokens, dtype=torch.float32, edit=None, tokenizer=None, **saving):
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    random_weights(model, seed)
    model.to(dtype).save_pretrained(folder, **saving)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if edit:
        config = json.loads((folder / "config.json").read_text())
        edit(config)
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    # Read again, so that the reference is what transformers makes of these very files, in single precision.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(seed + 1)
    sequence = torch.randint(3, model.config.vocab_size, (1, tokens), generator=generator)
    with torch.no_grad():
        logits = model(sequence).logits[0]
        greedy = sequence[:, :4]
        for _ in range(20):
            greedy = torch.cat([greedy, model(greedy).logits[:, -1:].argmax(-1)], 1)
    expected = {
        "tokens": sequence[0].to(torch.int32),
        "logits": logits.float().contiguous(),
        "greedy": greedy[0, 4:].to(torch.int32).contiguous(),
    }
    save_file(expected, folder / "expected.safetensors")
    if tokenizer:
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
        cases = []
        for text in TEXTS:
            ids = tokenizer.encode(text).ids
            cases.append({"text": text, "tokens": ids, "decoded": tokenizer.decode(ids)})
        (folder / "expected_tokens.json").write_text(json.dumps(cases, indent=1) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name}: {len(list(folder.iterdir()))} files, {size} bytes, logits to {logits.abs().max():.2f}")


def mean_likelihood(model, sequences):
    """Mean negative log-likelihood of all tokens but the first of each sequence, and the number of these tokens."""
    total, predictions = 0.0, 0
    for tokens in sequences:
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0, :-1].double()
        total += torch.nn.functional.cross_entropy(logits, torch.tensor(tokens[1:]), reduction="sum").item()
        predictions += len(tokens) - 1
    return {"negative_log_likelihood": total / predictions, "predictions": predictions}


def write_texts(name, tokenizer, prompt="The little tern"):
    folder = FIXTURES / name
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer.no_truncation()
    texts = CORPUS[:3] + [CORPUS[0] + "\n" + CORPUS[1]]
    joined, window, context = tokenizer.encode("\n\n".join(texts)).ids, 16, model.config.max_position_embeddings
    windows = [joined[start : start + window] for start in range(0, len(joined) - window + 1, window)]
    documents = [tokenizer.encode(text).ids[:context] for text in texts]
    tokens = tokenizer.encode(prompt).ids
    with torch.no_grad():
        whole = model.generate(torch.tensor([tokens]), max_new_tokens=20, do_sample=False, eos_token_id=None)[0].tolist()
    expected = {
        "windows": {"window": window, **mean_likelihood(model, windows)},
        "documents": mean_likelihood(model, documents),
        "generation": {"prompt": prompt, "tokens": whole[len(tokens) :], "text": tokenizer.decode(whole)},
    }
    (folder / "texts.json").write_text(json.dumps(texts, indent=1) + "\n")
    (folder / "expected_texts.json").write_text(json.dumps(expected, indent=1) + "\n")


def begin_with(tokenizer, token):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1", special_tokens=[(token, tokenizer.token_to_id(token))]
    )


def byte_level(special, pattern=None):
    """Byte-level pairs, as LLaMA 3 and Qwen2."""
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    tokenizer.pre_tokenizer = level
    if pattern:
        split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def sentence_pieces():
    """Pairs of characters with bytes to fall back to, as LLaMA 2 and Mistral."""
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trained = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=special, show_progress=False)
    trained.train_from_iterator(CORPUS, trainer)
    content = json.loads(trained.to_str())
    content["added_tokens"] = content["added_tokens"][:3]
    content["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    begin_with(tokenizer, "<s>")
    return tokenizer


def older_rotary(scaling):
    """The fields of rotary embeddings as versions before 5 wrote them."""

    def edit(config):
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
        config["rope_scaling"] = scaling

    return edit


def main():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    tokenizer = byte_level(["<|begin|>", "<|end|>"])
    begin_with(tokenizer, "<|begin|>")
    # A tokenizer saved with a length limit must not cut texts.
    tokenizer.enable_truncation(max_length=512)
    config = LlamaConfig(
        **SIZES, vocab_size=320, max_position_embeddings=48, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=[1]
    )
    write("llama", LlamaForCausalLM(config), 1, 24, edit=older_rotary(None), tokenizer=tokenizer)
    write_texts("llama", tokenizer)

    llama3 = {
        "rope_type": "llama3",
        "rope_theta": 500.0,
        "factor": 4.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    sizes = SIZES | {"head_dim": 16}
    config = LlamaConfig(
        **sizes, vocab_size=40, max_position_embeddings=96, rope_parameters=llama3, attention_bias=True, eos_token_id=None
    )
    write("llama-scaled-sharded", LlamaForCausalLM(config), 3, 80, torch.bfloat16, max_shard_size="6KB")

    config = LlamaConfig(**SIZES, vocab_size=40, max_position_embeddings=96, eos_token_id=None)
    linear = older_rotary({"type": "linear", "factor": 2.5})
    write("llama-linear", LlamaForCausalLM(config), 5, 80, edit=linear)

    config = MistralConfig(
        **SIZES,
        head_dim=6,
        vocab_size=330,
        max_position_embeddings=96,
        sliding_window=7,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        eos_token_id=None,
    )
    write("mistral", MistralForCausalLM(config), 7, 40, torch.float16, tokenizer=sentence_pieces())

    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    tokenizer = byte_level(["<|endoftext|>"], pattern)
    tokenizer.normalizer = normalizers.NFC()
    config = Qwen2Config(
        **SIZES, vocab_size=320, max_position_embeddings=48, tie_word_embeddings=True, eos_token_id=0
    )
    write("qwen2", Qwen2ForCausalLM(config), 9, 24, tokenizer=tokenizer)


if __name__ == "__main__":
    main()
