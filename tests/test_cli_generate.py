"""The command `seqnn generate`, as a user types it."""

import json
import signal
import subprocess
import sys

import pytest
from decode_models import lively
from test_cli import run, seqnn

from seqnn import decode, random
from seqnn.lm import NGramLM
from seqnn.models import GPT
from seqnn.text import SubwordTokenizer, Vocabulary

WORDS = Vocabulary.from_tokens([[f"w{i}" for i in range(26)]])
PROMPT = "w1 w3 w5"


def make(folder, seed=1, tokenizer=WORDS, **sizes):
    with random.seeded(0):
        model = lively(
            GPT(len(tokenizer), **{"max_positions": 60, "d_model": 16, "nhead": 2, "num_layers": 2, **sizes}), seed
        )
    model.tokenizer = tokenizer
    model.save_huggingface(folder)
    return model


@pytest.fixture
def folder(tmp_path):
    make(tmp_path / "gpt")
    return tmp_path / "gpt"


def expected(folder, prompt=PROMPT, **options):
    return decode.generate(GPT.from_huggingface(folder), prompt, max_new_tokens=12, eos_token_id=3, **options)


CASES = [
    ((), {}),
    (("--seed", 3), {"do_sample": True, "seed": 3}),
    (("--temperature", 0.8, "--top-k", 9, "--top-p", 0.9, "--seed", 4),
     {"do_sample": True, "temperature": 0.8, "top_k": 9, "top_p": 0.9, "seed": 4}),
    (("--num-beams", 4, "--num-return-sequences", 3, "--length-penalty", 0.5, "--early-stopping", "never"),
     {"num_beams": 4, "num_return_sequences": 3, "length_penalty": 0.5, "early_stopping": "never"}),
    (("--num-beams", 4, "--num-beam-groups", 2, "--diversity-penalty", 1.5),
     {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.5}),
    (("--no-repeat-ngram-size", 2, "--repetition-penalty", 1.3), {"no_repeat_ngram_size": 2, "repetition_penalty": 1.3}),
    (("--num-return-sequences", 2, "--do-sample", "--seed", 1, "--min-new-tokens", 5),
     {"num_return_sequences": 2, "do_sample": True, "seed": 1, "min_new_tokens": 5}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "options"), CASES, ids=[str(i) for i in range(len(CASES))])
def test_a_prompt_is_continued_by_every_strategy(arguments, options, folder, capsys):
    found = expected(folder, **options)
    code, out, err = run(capsys, "generate", folder, PROMPT, "--max-new-tokens", 12, *arguments)
    assert (code, out.splitlines(), err) == (0, found.texts, "")
    code, out, err = run(capsys, "generate", folder, *PROMPT.split(), "--max-new-tokens", 12, *arguments, "--json")
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["text"] for record in records] == found.texts
    assert [record["score"] for record in records] == found.scores.tolist()
    assert [record["finish_reason"] for record in records] == found.finish_reason
    assert {record["prompt"] for record in records} == {PROMPT}


def test_prompts_come_from_the_standard_input(folder):
    prompts = [PROMPT, "w2", "w9 w9"]
    done = seqnn("generate", folder, "--max-new-tokens", 12, input="\n".join([prompts[0], "", *prompts[1:]]) + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [expected(folder, prompt).texts[0] for prompt in prompts]


def test_an_assistant_changes_nothing(folder, tmp_path, capsys):
    make(tmp_path / "small", 2, num_layers=1)
    found = run(
        capsys, "generate", folder, PROMPT, "--max-new-tokens", 12, "--assistant-model", tmp_path / "small",
        "--num-assistant-tokens", 3,
    )  # fmt: skip
    assert found == (0, expected(folder).texts[0] + "\n", "")


def test_without_a_limit_the_positions_are_one(folder, capsys):
    code, out, _ = run(capsys, "generate", folder, PROMPT, "--json", "--eos-token-id", 999)
    assert code == 0 and json.loads(out)["finish_reason"] == "length"
    assert json.loads(out)["text"] == expected_to(folder, 57)


def expected_to(folder, count):
    model = GPT.from_huggingface(folder)
    return decode.generate(model, PROMPT, max_new_tokens=count).texts[0]


def test_a_prompt_that_is_too_long_is_cut_where_that_is_wanted(folder, capsys):
    model, prompt = GPT.from_huggingface(folder), " ".join(f"w{i % 26}" for i in range(80))
    ids = decode.as_prompts(prompt, model.tokenizer)[0]
    code, _, err = run(capsys, "generate", folder, prompt, "--max-new-tokens", 12)
    assert code == 1 and "80 + 12 positions exceed max_positions=60; crop=True" in err
    for option, more in (("--truncate", {"truncate": True}), ("--crop", {"crop": True})):
        new = model.generate(ids[None], 12, eos_token_id=3, **more)[0][-12:]
        for beams in ((), ("--num-beams", 1, "--json")):
            code, out, err = run(capsys, "generate", folder, prompt, "--max-new-tokens", 12, option, *beams)
            text = json.loads(out)["text"] if beams else out.rstrip("\n")
            assert (code, err) == (0, "") and text == " ".join(model.tokenizer.decode(new)), option
    for option, most in (("--truncate", 30), ("--crop", 100)):  # where nothing is said of their number
        _, out, _ = run(capsys, "generate", folder, prompt, option, "--eos-token-id", 999)
        assert len(out.split()) == most


def test_a_stop_string_ends_a_text(folder, capsys):
    words = expected(folder).texts[0].split()
    stop = " ".join(words[2:4])
    code, out, _ = run(capsys, "generate", folder, PROMPT, "--max-new-tokens", 12, "--stop-strings", stop)
    assert code == 0 and out.split() == words[:4]


def test_subwords_are_streamed_in_whole_letters(tmp_path, capsys):
    subwords = SubwordTokenizer.train(["größer größte Straße Öl über"] * 9, vocab_size=262, specials=("</s>",))
    model = make(tmp_path / "gpt", tokenizer=subwords)
    options = {"max_new_tokens": 40, "do_sample": True, "seed": 2}
    whole = decode.generate(model, "größer", **options).texts[0]
    pieces = list(decode.stream_text(model, "größer", **options))
    assert "".join(pieces) == whole and len(pieces) > 5
    code, out, _ = run(capsys, "generate", tmp_path / "gpt", "größer", "--max-new-tokens", 40, "--seed", 2)
    assert code == 0 and out == decode.generate(model, "größer", **options, eos_token_id=0).texts[0] + "\n"


def test_a_language_model_of_ngrams(tmp_path, capsys):
    model = NGramLM(3).fit(["to be or not to be", "to see or not to see", "be or see"] * 3)
    model.save(tmp_path / "m.lm")
    for arguments, options in (
        ((), {}),
        (("--num-beams", 4, "--length-penalty", 0), {"num_beams": 4, "length_penalty": 0}),
    ):
        found = decode.generate(model, "to be", max_new_tokens=9, **options)
        assert run(capsys, "generate", tmp_path / "m.lm", "to be", "--max-new-tokens", 9, *arguments) == (
            0,
            found.texts[0] + "\n",
            "",
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--num-beams", 2, "--num-return-sequences", 3), "num_return_sequences: expected at most num_beams=2"),
        (("--top-p", 1.5), "top_p: expected a finite number > 0 and <= 1, got 1.5"),
        (("--max-new-tokens", 99), "max_new_tokens: 3 + 99 positions exceed max_positions=60"),
        (("--temperature", 0, "--num-beams", 2), "temperature: expected a number > 0 with num_beams, got 0.0"),
        (("--assistant-model", "nowhere"), "nowhere"),
    ],
    ids=str,
)
def test_errors_take_one_line(arguments, message, folder, capsys):
    code, out, err = run(capsys, "generate", folder, PROMPT, *arguments)
    assert code == 1 and out == "" and err.startswith("seqnn: error: ") and message in err and err.count("\n") == 1


def test_models_that_write_no_text_are_refused(folder, tmp_path, capsys):
    (folder / "vocabulary.json").unlink()
    code, _, err = run(capsys, "generate", folder, PROMPT)
    assert (
        code == 1 and f"{folder}: expected a tokenizer.json (and the tokenizers library), or a vocabulary.json" in err
    )
    NGramLM(2).fit(["to be or not to be"] * 3).save(tmp_path / "m.lm")
    code, _, err = run(capsys, "generate", tmp_path / "m.lm", "to", "--crop")
    assert code == 1 and "crop: needs a model with a bounded number of positions, such as a GPT" in err
    (tmp_path / "not").mkdir()
    code, _, err = run(capsys, "generate", tmp_path / "not", PROMPT)
    assert code == 1 and "expected a config.json beside the weights" in err
    (tmp_path / "text.txt").write_text("no model")
    code, _, err = run(capsys, "generate", tmp_path / "text.txt", PROMPT)
    assert code == 1 and "text.txt" in err and err.count("\n") == 1
    with pytest.raises(SystemExit):
        run(capsys, "generate", folder, PROMPT, "--beams", 3)
    assert "unrecognized arguments: --beams 3 (did you mean --num-beams?)" in capsys.readouterr().err


def test_ctrl_c_ends_a_text(folder):
    command = [sys.executable, "-W", "error", "-m", "seqnn", "generate", str(folder), "--max-new-tokens", "50"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdin.write(PROMPT + "\n")
    process.stdin.flush()
    assert (
        process.stdout.readline().strip()
        == decode.generate(GPT.from_huggingface(folder), PROMPT, max_new_tokens=50, eos_token_id=3).texts[0]
    )  # it waits for the next prompt
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "seqnn: interrupted; nothing is written\n")


def test_a_prompt_may_follow_options(folder, capsys):
    first, *others = PROMPT.split()
    for words in (
        (folder, "--max-new-tokens", 12, PROMPT),
        ("--max-new-tokens", 12, folder, PROMPT),
        (folder, first, "--max-new-tokens", 12, *others),
    ):
        assert run(capsys, "generate", *words) == (0, expected(folder).texts[0] + "\n", "")
