"""Replacing folders: what else lies in them stays, links stay links; reading logs back."""

import json
import math
import os
import struct
import threading

import numpy as np
import pytest

from gptengine import files
from gptengine.checkpoint import load_folder, load_state, save_folder
from gptengine.config import Config
from gptengine.data import read_documents
from gptengine.files import atomic_folder, atomic_write, descriptor_of, read_log, recover
from gptengine.tensorfile import write_tensors

GPT2 = Config(vocab_size=29, context_length=16, layers=1, heads=2, model_dim=8)


def params(seed=0):
    rng = np.random.default_rng(seed)
    shapes = GPT2.parameter_shapes()
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_what_else_lies_in_a_folder_stays(tmp_path):
    folder = tmp_path / "m"
    save_folder(folder, GPT2, params())
    (folder / "README.md").write_text("mine")
    (folder / ".git/objects").mkdir(parents=True)
    (folder / ".git/objects/ab").write_bytes(b"\0")
    (folder / "empty").mkdir()
    (folder / "broken").symlink_to("nowhere")
    (folder / "figures").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    save_folder(folder, GPT2, params(1))
    np.testing.assert_array_equal(load_folder(folder)[1]["wte"], params(1)["wte"])
    assert (folder / "README.md").read_text() == "mine"
    assert (folder / ".git/objects/ab").read_bytes() == b"\0"
    assert (folder / "empty").is_dir() and (folder / "pipe").is_fifo()
    assert os.readlink(folder / "broken") == "nowhere"
    assert os.readlink(folder / "figures") == str(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_files_that_cannot_be_linked_are_copied(tmp_path, monkeypatch):
    (tmp_path / "m").mkdir()
    (tmp_path / "m/notes.txt").write_text("mine")

    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save_folder(tmp_path / "m", GPT2, params())
    assert (tmp_path / "m/notes.txt").read_text() == "mine"


def test_the_weights_files_of_an_earlier_model_go(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    stale = ("model-00001-of-00002.safetensors", "model.safetensors.index.json")
    for name in (*stale, "model-00001-of-00002.safetensors.md5"):
        (folder / name).touch()
    save_folder(folder, GPT2, params())
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model-00001-of-00002.safetensors.md5",
        "model.safetensors",
    ]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ValueError, match=r"cannot write .*notes: a file stands where"):
        save_folder(tmp_path / "notes", GPT2, params())
    assert (tmp_path / "notes").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["notes"]
    (tmp_path / "m/config.json").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"cannot write .*config.json: a folder of that name"):
        save_folder(tmp_path / "m", GPT2, params())
    assert (tmp_path / "m/config.json").is_dir()


def test_the_folder_that_one_works_in_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "m/inside").mkdir(parents=True)
    for here, name in (("m", "."), ("m/inside", "..")):
        monkeypatch.chdir(tmp_path / here)
        with pytest.raises(ValueError, match=r"m: .*current folder"):
            save_folder(name, GPT2, params())


def test_a_link_to_a_folder_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "latest").symlink_to("real")
    for seed in range(3):
        save_folder(tmp_path / "latest", GPT2, params(seed))
        assert (tmp_path / "latest").is_symlink()
        np.testing.assert_array_equal(load_folder(tmp_path / "real")[1]["wte"], params(seed)["wte"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "real"]
    os.rename(tmp_path / "real", tmp_path / ".real.old")
    recover(tmp_path / "latest")
    assert (tmp_path / "real/config.json").is_file()


def test_a_failed_folder_keeps_what_else_lay_there(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/mine").write_text("mine")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "d") as partial:
        (partial / "x").write_text("new")
        raise RuntimeError
    assert [p.name for p in tmp_path.rglob("*")] == ["d", "mine"]


def test_what_another_process_builds_stays(tmp_path):
    """A dead one's of this machine goes; of another machine nobody knows here who is alive."""
    dead = files._partial(tmp_path / "d", 1 << 30)
    living = files._partial(tmp_path / "d", os.getppid())
    other = tmp_path / f".d.partial-00000000-{1 << 30}"
    for folder in (dead, living, other):
        folder.mkdir()
    with atomic_folder(tmp_path / "d") as partial:
        assert partial not in (dead, living, other)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "d", living, other])


def test_numpy_says_of_a_full_disk_in_words_alone(tmp_path):
    with pytest.raises(ValueError, match=r"cannot write .*d: no space left on device"):
        with atomic_folder(tmp_path / "d"):
            raise OSError("2000 requested and 24 written")


def test_only_a_newline_ends_a_line_of_a_log(tmp_path):
    records = [{"step": i, "sample": f"a{c}b"} for i, c in enumerate("\u2028\u2029\x85\x0b\x1c\r")]
    lines = [json.dumps(r, ensure_ascii=False) for r in records]
    (tmp_path / "log").write_bytes("\n".join([*lines, '{"cut', "[" * 99999]).encode())
    assert read_log(tmp_path / "log") == records


DEEP = "[" * 99999


def test_json_that_nests_too_deeply_is_named(tmp_path):
    save_folder(tmp_path / "m", GPT2, params())
    header = f'{{"a": {DEEP}'.encode()
    for name, content in (
        ("config.json", DEEP.encode()),
        ("model.safetensors", struct.pack("<Q", len(header)) + header),
    ):
        path = tmp_path / "m" / name
        before = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}: .*nested too deeply"):
            load_folder(tmp_path / "m")
        path.write_bytes(before)
    for state, says in ((DEEP, "nested too deeply"), ("[]", "not a JSON object"), (5, "no 'gpt")):
        write_tensors(tmp_path / "s", {}, {"gptengine.state": state})
        with pytest.raises(ValueError, match=rf"s: .*{says}"):
            load_state(tmp_path / "s")
    (tmp_path / "b.jsonl").write_text('{"text": "a"}', "utf-8-sig")
    assert list(read_documents(tmp_path / "b.jsonl")) == [b"a"]
    (tmp_path / "a.jsonl").write_text(DEEP)
    with pytest.raises(ValueError, match=r"a.jsonl: line 1: not JSON .*nested too deeply"):
        list(read_documents(tmp_path / "a.jsonl"))


LLAMA = Config.llama(29, 16, 1, 2, 8)
STRANGE = [None, [], {}, "x", -1, 1.5, True, 10**30, 2**31, 10**9, math.inf, math.nan, [1]]


@pytest.mark.parametrize("config", [GPT2, LLAMA, Config.qwen3(29, 16, 1, 2, 8)])
def test_strange_values_in_a_config_are_named(tmp_path, config):
    rng = np.random.default_rng(0)
    shapes = config.parameter_shapes()
    save_folder(tmp_path, config, {name: rng.normal(size=s) for name, s in shapes.items()})
    good = json.loads((tmp_path / "config.json").read_text())
    for name in [*good, "rope_scaling"]:
        for value in STRANGE:
            (tmp_path / "config.json").write_text(json.dumps(good | {name: value}))
            try:
                load_folder(tmp_path)
            except ValueError as error:
                assert str(error).startswith(f"{tmp_path}/"), (name, value, error)


@pytest.mark.parametrize("files", [3, {}, {"wte": 3}, {"wte": ["x"]}, {"wte": ""}, {"wte": "."}])
def test_a_strange_index_is_named(tmp_path, files):
    save_folder(tmp_path / "m", GPT2, params())
    (tmp_path / "m/model.safetensors").unlink()
    index = tmp_path / "m/model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": files}))
    with pytest.raises(ValueError, match=f"^{tmp_path}/m"):
        load_folder(tmp_path / "m")


def test_a_file_is_written_through_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/file")
    for content in (b"new", lambda file: file.write(b"newer")):  # the first finds no target
        atomic_write(tmp_path / "link", content)
        assert os.readlink(tmp_path / "link") == "there/file"
    assert (tmp_path / "there/file").read_bytes() == b"newer"
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["file"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
def test_an_open_file_is_written_to_where_it_is(tmp_path):
    with open(tmp_path / "file", "wb", buffering=0) as file:
        file.write(b"before, ")
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        for name in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}", "link"):
            assert descriptor_of(tmp_path / name) == file.fileno()
            atomic_write(tmp_path / name, b"content, ")
        file.write(b"after")
        assert os.path.samestat(os.fstat(file.fileno()), os.stat(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"before, " + b"content, " * 3 + b"after"
    assert descriptor_of(tmp_path / "file") is None
    assert {p.name for p in tmp_path.iterdir()} == {"file", "link"}


def test_a_pipe_is_written_to_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        found = []
        read = lambda found=found: found.append((tmp_path / "pipe").read_bytes())
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        atomic_write(tmp_path / name, b"content")
        reader.join(10)
        assert found == [b"content"] and (tmp_path / "pipe").is_fifo()
    assert {p.name for p in tmp_path.iterdir()} == {"pipe", "link"}


def test_an_error_of_writing_names_the_file_that_was_meant(tmp_path):
    with pytest.raises(OSError) as caught:
        atomic_write(tmp_path / "no/x", b"")
    assert caught.value.filename == str(tmp_path / "no/x")
    with pytest.raises(OSError) as caught:
        atomic_write(tmp_path / ("x" * 255), b"")
    assert caught.value.filename == str(tmp_path / ("x" * 255))
    with pytest.raises(ValueError, match="a folder stands where a file should be"):
        atomic_write(tmp_path, b"")
