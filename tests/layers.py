"""The rules of the house as functions: each takes the repository's root and yields breaches."""

import ast
import re
import sys

MOST_LINES = 400
CUDA_TWINS = False  # True as soon as every operator has to have its CUDA twin
BENCHMARKS = True  # and its benchmark

# A room and the rooms that it may see, itself apart.
CPP = {
    "core": "",
    "kernels": "core",
    "ops": "core kernels",
    "model": "core kernels ops",
    "decode": "core kernels",
    "text": "core kernels",
}
CUDA = {"core": "core", "ops": "core ops"}  # what cuda/'s rooms may see of cpp/
PYTHON_ORDER = [  # left is seen by right; rooms of one line do not see each other
    ["files", "options"],
    ["config", "tensorfile"],
    ["huggingface", "sentence"],
    ["gguf"],
    ["checkpoint"],
    ["tokenizer"],
    ["data"],
    ["curate"],
    ["model"],
    ["chat"],
    ["train", "look"],
    ["align"],
    ["search", "rag"],
    ["serve"],
    ["quickstart"],
    ["cli"],
]
PYTHON_APART = {  # rooms beside the line: what they see, and who sees them
    "_core": ("", "*"),
    "report": ("files", "curate train align quickstart cli"),  # of files alone, loads no engine
    "doctor": ("_core options", "quickstart cli"),
    "dist": ("", "data train align"),
    "__init__": ("*", ""),
    "__main__": ("cli", ""),
}
ONE_ROOM = dict.fromkeys(  # a file and the room that it is a part of
    [
        "batch",
        "encode",
        "sampler",
        "constraint",
        "draw",
        "model_memory",
        "own_tokenizer",
        "weights",
        "kv_blocks",
        "text_stream",
        "requests",
        "speculative",
        "generator",
        "generate",
        "beam",
    ],
    "model",
)
BASE_DEPENDENCIES = {"gptengine", "numpy", "safetensors", "tyro", "rich"}

ISA_FREE = {
    "select.cpp",
    "select.h",
}  # the files of cpp/kernels that are compiled once, for any machine
C_HEADERS = re.compile(
    r"(c?(assert|float|limits|math|stddef|stdint|stdlib|string)(\.h)?|\w*intrin\.h|arm_\w+\.h)$"
)
CUDA_HEADER = re.compile(r"(^|/)(cuda|cublas|cudnn|cufile|curand|nccl|nvToolsExt|nvtx)|\.cuh$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
OPERATOR = re.compile(r"\bGPTE_OP\(\s*(\w+)")


def cpp_order(root):
    """An #include that points to the right, out of the house, or to a CUDA header."""
    for house, rooms in ("cpp", CPP), ("cuda", CUDA):
        for path in files(root / house, ".h", ".cpp", ".cu", ".cuh"):
            inside = path.relative_to(root / house)
            where, room = path.relative_to(root), inside.parts[0]
            if len(inside.parts) < 2 or room not in rooms:
                yield f"{where}: {house}/ has the rooms {', '.join(rooms)}; this file is in none"
                continue
            for kind, name in INCLUDE.findall(path.read_text()):
                if house == "cpp" and CUDA_HEADER.search(name):
                    yield f"{where}: includes {name}: cpp/ knows no CUDA header"
                elif kind == '"':
                    yield from _cpp_include(root, house, where, room, rooms[room].split(), name)


def _cpp_include(root, house, where, room, sees, name):
    parts = name.split("/")
    target_house = parts.pop(0) if parts[0] in ("cpp", "cuda") else None
    if len(parts) != 2 or ".." in parts:
        yield f'{where}: includes "{name}": write it from the root of {house}/, as "core/tensor.h"'
    elif target_house == house or (target_house is None and (root / house / name).exists()):
        if parts[0] != room and parts[0] not in (sees if house == "cpp" else ["core"]):
            yield f"{where}: includes {name}: {room} may see {', '.join(sees) or 'nothing else'}"
    elif house == "cuda":
        if parts[0] not in sees:
            yield f"{where}: includes {name}: cuda/{room} may see {', '.join(sees)} of cpp/"
    else:
        yield f'{where}: includes "{name}", which is not in {house}/'


def kernels_include_no_std(root):
    """A C++ header in a file that is compiled once per instruction set.

    The linker keeps one copy of an inline function for the whole program. If it keeps the one that
    was compiled for AVX-512, the program dies on a machine without it.
    """
    for path in files(root / "cpp/kernels", ".h", ".cpp"):
        if path.name in ISA_FREE:
            continue
        for header in sorted(_reached(root / "cpp", path)):
            for kind, name in INCLUDE.findall(header.read_text()):
                if kind == "<" and not C_HEADERS.match(name):
                    through = f" through {header.relative_to(root)}" if header != path else ""
                    where = path.relative_to(root)
                    yield f"{where}: includes <{name}>{through}, not a C header"


def _reached(house, path):
    """The file and all files of the house that it includes, directly or not."""
    found, todo = set(), [path]
    while todo:
        path = todo.pop()
        if path not in found and path.exists():
            found.add(path)
            names = INCLUDE.findall(path.read_text())
            todo += [house / name for kind, name in names if kind == '"']
    return found


def operators(root):
    """An operator (GPTE_OP in cpp/ops) without body, binding, test, benchmark or twin."""
    bindings = read_all(root / "python/bindings", ".h", ".cpp")
    tests = read_all(root / "tests/ops", ".py")
    benches = read_all(root / "bench", ".py", ".h", ".cpp")
    for header in files(root / "cpp/ops", ".h"):
        where = header.relative_to(root)
        for name in OPERATOR.findall(header.read_text()):
            if name not in bodies(header.with_suffix(".cpp"), "cpu"):
                yield f"{where}: {name} has no body in namespace cpu of {header.stem}.cpp"
            if name not in bindings:
                yield f"{where}: {name} has no binding in python/bindings"
            if name not in tests:
                yield f"{where}: {name} has no test in tests/ops"
            if BENCHMARKS and name not in benches:
                yield f"{where}: {name} has no benchmark in bench"
            twin = root / "cuda/ops" / f"{header.stem}.cu"
            if CUDA_TWINS and name not in bodies(twin, "cuda"):
                yield f"{where}: {name} has no body in namespace cuda of cuda/ops/{twin.name}"


def bodies(path, namespace):
    """The functions that `path` defines in the namespace."""
    if not path.exists():
        return set()
    names, text = set(), path.read_text()
    for match in re.finditer(rf"\bnamespace (?:gpte::)?{namespace} {{", text):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        names |= set(re.findall(r"\bvoid (\w+)\([^;{]*\)\s*{", text[match.end() : end]))
    return names


def bindings_give_up_the_gil_safely(root):
    """nanobind's own guard: it terminates the process when Python ends under a computing thread."""
    for path in files(root / "python/bindings", ".h", ".cpp"):
        if "gil_scoped_release" in path.read_text():
            yield f"{path.relative_to(root)}: gil_scoped_release: use ReleasedGil of bindings.h"


def python_order(root):
    """An import that points to the right, or a third package that `import gptengine` would need."""
    package = root / "python/gptengine"
    for path in files(package, ".py"):
        inside = path.relative_to(package)
        room = inside.parts[0].removesuffix(".py")
        room = ONE_ROOM.get(room, room)
        where = path.relative_to(root)
        if not known(room):
            yield f"{where}: {room} has no place in the order; give it one in tests/layers.py"
            continue
        tree = ast.parse(path.read_text())
        for name in imports(tree, inside):
            target = name.split(".")[1] if "." in name else "__init__"
            target = ONE_ROOM.get(target, target)
            if not sees(room, target):
                yield f"{where}: imports {name}: {room} stands left of it or apart from it"
        for node in tree.body:
            for name in top_imports(node):
                if name not in BASE_DEPENDENCIES and name not in sys.stdlib_module_names:
                    yield f"{where}: imports {name} on import, which is no base dependency"
                if name in ("pickle", "marshal", "shelve"):
                    yield f"{where}: imports {name}: no file of ours can run code when it is read"


def known(room):
    return room in PYTHON_APART or any(room in rank for rank in PYTHON_ORDER)


def sees(room, target):
    """Whether a file of `room` may import from `target`."""
    if room == target:
        return True
    rank = {name: i for i, names in enumerate(PYTHON_ORDER) for name in names}
    if target in PYTHON_APART and room in PYTHON_APART[target][1].replace("*", room).split():
        return True
    if room in PYTHON_APART:
        return target in PYTHON_APART[room][0].replace("*", target).split()
    return target in rank and rank[target] < rank[room]


def imports(tree, inside):
    """Full names of the package's own modules that the file imports, wherever in the file."""
    folder = ["gptengine", *inside.parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "gptengine")
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) + 1 - node.level] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            if module == "gptengine":
                yield from (
                    f"gptengine.{a.name}" for a in node.names if not a.name.startswith("__v")
                )
            elif module.startswith("gptengine."):
                yield module


def top_imports(node):
    """Names of the packages that one top-level statement imports."""
    if isinstance(node, ast.Import):
        return [a.name.split(".")[0] for a in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module.split(".")[0]]
    return []


def length(root):
    """A file longer than one idea, unless its first lines say that it is a generated table."""
    for folder in "cpp", "cuda", "python", "tests", "bench":
        for path in files(root / folder, ".h", ".cpp", ".cu", ".cuh", ".py"):
            text = path.read_text()
            lines = text.count("\n")
            if lines > MOST_LINES and "enerated" not in text[:300]:
                yield f"{path.relative_to(root)}: {lines} lines, at most {MOST_LINES}"


def leaked_symbols(names):
    """Of `nm -C` lines of an object compiled per instruction set, the functions it lets out.

    Weak ones the linker may share with code for any machine; the others belong in the table.
    """
    for line in names.splitlines():
        kind, _, name = line[17:].partition(" ")  # after a 64-bit address
        if kind in ("T", "W", "V", "u") and not name.startswith("DW.ref."):
            yield name


def files(folder, *suffixes):
    """The files below the folder with one of the suffixes, in order of their names."""
    found = (p for p in folder.rglob("*") if p.suffix in suffixes and "__pycache__" not in p.parts)
    return sorted(found)


def read_all(folder, *suffixes):
    """The set of all words in the folder's files."""
    return {word for p in files(folder, *suffixes) for word in re.findall(r"\w+", p.read_text())}
