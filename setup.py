"""Build seqnn._core: compile every source of csrc/kernels.def once per (float type, instruction set), then link once.

Objects are kept in build/objects and compiled again only when a file that they read, or a flag, has changed.
csrc/README.md describes the sources. The environment has a say:

SEQNN_BUILD_ISAS=native     only the best instruction set of this machine; or a list, such as "avx2 avx512"
SEQNN_NO_OPENMP=1           no threads
SEQNN_SANITIZE=address,undefined   a build for the sanitizers
SEQNN_COVERAGE=1            a build that counts which lines run, for gcov
SEQNN_WERROR=1              compiler warnings are errors
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
CSRC = ROOT / "csrc"
sys.path.insert(0, str(CSRC / "boundary"))
import generate  # noqa: E402
import signatures  # noqa: E402

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
FLAGS = ["-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fvisibility=hidden", "-g0"]
X86_64 = {
    "base": ["-march=x86-64-v2"],
    "avx2": ["-march=x86-64-v3"],
    "avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}
PREFIX = '#include "base/scratch.h"\n#include "vec/math.h"\n'
"""What nearly all real sources begin with: compiled once per variant."""


@dataclass
class Object:
    """One compilation: a source, the object file or precompiled header that is made of it, and the compiler's flags."""

    source: Path
    path: Path
    variant: str
    flags: list[str]

    def is_fresh(self) -> bool:
        """Tell whether the object is newer than every file that the compiler read for it."""
        depends = self.path.with_suffix(".d")
        if not self.path.exists() or not depends.exists():
            return False
        made = self.path.stat().st_mtime_ns
        names = shlex.split(depends.read_text().replace("\\\n", " "))[1:]
        return all(os.path.exists(name) and os.stat(name).st_mtime_ns <= made for name in names)


def write_if_changed(path: Path, text: str) -> None:
    """Write a generated file, but leave one that says the same untouched, so that nothing is compiled for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _state(path: Path) -> str:
    return f"{path} {path.stat().st_mtime_ns}"


def inspection_flags() -> list[str]:
    """Return the flags of SEQNN_SANITIZE and SEQNN_COVERAGE."""
    flags = []
    if kinds := os.environ.get("SEQNN_SANITIZE"):
        flags += [f"-fsanitize={kinds}", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-g", "-O1"]
    if os.environ.get("SEQNN_COVERAGE"):
        flags += ["--coverage", "-fprofile-update=atomic", "-O1"]
    return flags


class BuildCore(build_ext):
    """Compiles each (source, variant) pair that has changed, and links."""

    def say(self, text: str, *, always: bool = False) -> None:
        """Print a line of progress: with -v, or always."""
        self.announce(f"seqnn: {text}", level=4 if always else 2)

    @cached_property
    def command(self) -> list[str]:
        """The compiler and the flags that Python was built with."""
        command = list(self.compiler.compiler_so)
        if not shutil.which(command[0]):
            raise SystemExit(
                f"seqnn: no C compiler {command[0]!r} here: install gcc or clang (Debian, Ubuntu: apt install build-essential; "
                "macOS: xcode-select --install), or name one by CC=..."
            )
        return command

    @cached_property
    def is_clang(self) -> bool:
        """Whether the compiler is clang, whose precompiled headers have another ending."""
        asked = subprocess.run([self.command[0], "--version"], capture_output=True, text=True, check=False)
        return "clang" in asked.stdout

    def instruction_sets(self) -> dict[str, list[str]]:
        """Return the compiler flags of each instruction set that is to be built, slowest first."""
        known = X86_64 if self.machine() in ("x86_64", "amd64") else {"base": []}
        text = os.environ.get("SEQNN_BUILD_ISAS", " ".join(known))
        wanted = [self.native(known)] if text == "native" else text.split()
        if not wanted or not set(wanted) <= set(known):
            raise SystemExit(f"SEQNN_BUILD_ISAS={text!r}: expected native or some of {' '.join(known)}")
        return {isa: flags for isa, flags in known.items() if isa in wanted}

    def machine(self) -> str:
        """Return the kind of processor that the compiler compiles for: a cross compiler's is not this machine's."""
        asked = subprocess.run([*self.command, "-dumpmachine"], capture_output=True, text=True, check=False)
        return (asked.stdout.split("-")[0].strip() or platform.machine()).lower()

    def native(self, known: dict[str, list[str]]) -> str:
        """Return the best of the known instruction sets that this machine has."""
        defined = self.macros(["-march=native"])
        fitting = [isa for isa, flags in known.items() if self.macros(flags) <= defined]
        return fitting[-1] if fitting else "base"

    def macros(self, flags: list[str]) -> set[str]:
        """Return the names by which the compiler tells what these flags allow, such as __AVX2__."""
        command = [self.command[0], *flags, "-dM", "-E", "-x", "c", os.devnull]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        names = {line.split()[1] for line in asked.stdout.splitlines()}
        return {name for name in names if name.startswith(("__AVX", "__SSE", "__FMA", "__BMI", "__F16C", "__LZCNT"))}

    def openmp_flags(self) -> tuple[list[str], list[str]]:
        """Return the flags for the compiler and for the linker."""
        if os.environ.get("SEQNN_NO_OPENMP"):
            self.say("built without OpenMP on request: every function runs on one thread", always=True)
            return [], []
        compile_flags, link_flags = ["-fopenmp"], ["-fopenmp"]
        if sys.platform == "darwin":
            compile_flags, link_flags = ["-Xpreprocessor", "-fopenmp"], ["-lomp"]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            probe = [self.command[0], *compile_flags, str(source), "-o", f"{folder}/probe", *link_flags]
            if subprocess.run(probe, capture_output=True, check=False).returncode:
                self.say("WARNING: no OpenMP here: built for one thread only, training will be slower", always=True)
                return [], []
        return compile_flags, link_flags

    def objects(self, ext: Extension, openmp: list[str]) -> tuple[list[Object], list[Object]]:
        """Return the precompiled headers and the objects of the extension; write the sources that are generated."""
        chosen = "-O" in os.environ.get("CFLAGS", "") or inspection_flags()
        flags = [*FLAGS, *([] if chosen else ["-O3"]), *openmp, *inspection_flags()]
        flags += ["-Wall", "-Wextra", *(["-Werror"] if os.environ.get("SEQNN_WERROR") else [])]
        isas = self.instruction_sets()
        about = "\n".join([str(ROOT), *self.command, *flags, *map(str, isas.values()), sys.version])
        folder = ROOT / "build" / "objects" / hashlib.sha256(about.encode()).hexdigest()[:12]
        generated = folder / "generated"
        sources = signatures.read_sources()
        for source in sources:
            if source.functions:
                write_if_changed(generated / f"{source.stem}_args.h", generate.write_arguments(source))
        write_if_changed(generated / "tables.inc", generate.write_tables(sources, list(isas)))

        include = ["-I", str(CSRC), "-I", str(generated)]
        plain = [*flags, *next(iter(isas.values())), *include]  # the slowest: it runs everywhere
        headers, objects = [], []

        def add(path: str, variant: str, own: list[str], special: Sequence[str] = ()) -> None:
            made = folder / variant / f"{path}{''.join(special)}.o"
            objects.append(Object(ROOT / f"{path}.c", made, variant, [*own, *special]))

        for isa, isa_flags in isas.items():
            for bits, real in ((32, "float"), (64, "double")):
                variant = f"f{bits}_{isa}"
                own = [*flags, *isa_flags, *include, f"-DSQ_REAL={real}", f"-DSQ_VARIANT={variant}"]
                prefix = folder / variant / "prefix.h"
                write_if_changed(prefix, PREFIX)
                ending = "pch" if self.is_clang else "gch"
                headers.append(Object(prefix, prefix.with_suffix(f".h.{ending}"), variant, ["-x", "c-header", *own]))
                for source in sources:
                    if source.kind != "plain" and (bits == 32 or source.kind != "single"):
                        special = source.flags if "-O3" in flags else []
                        add(f"csrc/{source.path}", variant, [*own, "-include", str(prefix)], special)
        for source in sources:
            if source.kind == "plain":
                add(f"csrc/{source.path}", "plain", [*plain, "-DSQ_REAL=float", "-DSQ_VARIANT=plain"])
        own = [*plain, *(f"-D{name}={value}" for name, value in ext.define_macros)]
        own += [f"-I{path}" for path in (numpy.get_include(), *self.compiler.include_dirs)]
        for source in ext.sources:
            add(source.removesuffix(".c"), "module", own)
        return headers, objects

    def compile(self, wanted: list[Object]) -> bool:
        """Compile what is not fresh, in parallel; tell whether there was any."""

        def one(o: Object) -> None:
            self.say(f"{o.variant} {o.path.stem}")
            o.path.parent.mkdir(parents=True, exist_ok=True)
            command = [*self.command, *o.flags, "-MMD", "-MF", str(o.path.with_suffix(".d")), "-c", str(o.source)]
            done = subprocess.run([*command, "-o", str(o.path)], capture_output=True, text=True, check=False)
            sys.stderr.write(done.stderr)
            if done.returncode:
                o.path.unlink(missing_ok=True)
                raise SystemExit(f"seqnn: {o.source.name} does not compile for {o.variant}: {shlex.join(command)}")

        stale = [o for o in wanted if not o.is_fresh()]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(one, stale))
        return bool(stale)

    def build_extension(self, ext: Extension) -> None:
        """Build the extension module where setuptools wants it."""
        openmp, link = self.openmp_flags()
        headers, objects = self.objects(ext, openmp)
        self.say(f"{len(objects)} objects for {', '.join(self.instruction_sets())}", always=True)
        self.compile(headers)
        changed = self.compile(objects)
        target = Path(self.get_ext_fullpath(ext.name))
        stamp = objects[0].path.parent / "linked"  # which file was linked of these objects, and when
        if not changed and target.exists() and stamp.exists() and stamp.read_text() == _state(target):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        link = [*link, *(flag for flag in inspection_flags() if flag.startswith(("-fsanitize", "--coverage"))), "-lm"]
        self.compiler.link_shared_object([str(o.path) for o in objects], str(target), extra_postargs=link)
        stamp.write_text(_state(target))


limited = [] if FREE_THREADED else [("Py_LIMITED_API", "0x030B0000")]
core = Extension(
    "seqnn._core",
    [
        "csrc/dispatch.c",
        "csrc/base/scratch.c",
        *(f"csrc/boundary/{s}.c" for s in ("call", "check", "convert", "items", "memory", "module")),
    ],
    define_macros=[("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"), *limited],
    py_limited_api=not FREE_THREADED,
)
setup(
    ext_modules=[core],
    cmdclass={"build_ext": BuildCore},
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
