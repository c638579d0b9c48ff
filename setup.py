"""Builds seqnn._core: every kernel file once per (float type, instruction set), then one link. README.md of csrc/ says why.

SEQNN_NO_OPENMP=1 builds without threads; SEQNN_SANITIZE=address,undefined builds for the sanitizers; SEQNN_WERROR=1 turns
compiler warnings into errors; SEQNN_BUILD_ISAS="avx2 avx512" builds those instruction sets alone (for quick rebuilds).
"""

import os
import platform
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "csrc"))
import signatures  # noqa: E402

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
FLAGS = ["-std=c11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fvisibility=hidden", "-g0"]
X86_64 = {
    "base": ["-march=x86-64-v2"],
    "avx2": ["-march=x86-64-v3"],
    "avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}


def instruction_sets() -> dict[str, list[str]]:
    """Compiler flags of each instruction set that this platform gets, slowest first."""
    known = X86_64 if platform.machine().lower() in ("x86_64", "amd64") else {"base": []}
    wanted = os.environ.get("SEQNN_BUILD_ISAS", " ".join(known)).split()
    if not wanted or not set(wanted) <= set(known):
        raise SystemExit(f"SEQNN_BUILD_ISAS={' '.join(wanted)!r} must name some of: {' '.join(known)}")
    return {isa: flags for isa, flags in known.items() if isa in wanted}


def sanitize_flags() -> list[str]:
    kinds = os.environ.get("SEQNN_SANITIZE")
    return [f"-fsanitize={kinds}", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-g", "-O1"] if kinds else []


class BuildCore(build_ext):
    """Compiles each (kernel file, variant) pair to an object of its own."""

    def openmp_flags(self) -> list[str]:
        if os.environ.get("SEQNN_NO_OPENMP"):
            self.announce("seqnn: built without OpenMP on request: every function runs on one thread", level=3)
            return []
        candidates = (
            (["-Xpreprocessor", "-fopenmp"], ["-lomp"]) if sys.platform == "darwin" else (["-fopenmp"], ["-fopenmp"])
        )
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=candidates[0])
                self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=candidates[1])
            except (CompileError, LinkError):
                self.announce(
                    "seqnn: WARNING: no OpenMP here: built for one thread only, training will be slower", level=4
                )
                return []
        self.link_openmp = candidates[1]
        return candidates[0]

    def build_extension(self, ext: Extension) -> None:
        generated = Path(self.build_temp) / "generated"
        generated.mkdir(parents=True, exist_ok=True)
        isas = instruction_sets()
        (generated / "signatures.h").write_text(signatures.write_structs())
        (generated / "tables.inc").write_text(signatures.write_tables(list(isas)))

        self.link_openmp: list[str] = []
        flags = FLAGS + self.openmp_flags() + sanitize_flags() + ["-Wall", "-Wextra"]
        flags += ["-Werror"] if os.environ.get("SEQNN_WERROR") else []
        include = [str(ROOT / "csrc"), str(generated), numpy.get_include(), *self.compiler.include_dirs]

        slowest = next(iter(isas.values()))  # of code that is compiled once
        jobs = []  # (source, variant, macros, flags)
        for kind, stem in signatures.kernels():
            source = f"csrc/kernels/{stem}.c"
            if kind == "plain":
                jobs.append((source, "plain", [("SQ_REAL", "float"), ("SQ_VARIANT", "plain")], slowest))
                continue
            for isa, isa_flags in isas.items():
                for bits, real in ((32, "float"), (64, "double")):
                    variant = f"f{bits}_{isa}"
                    jobs.append((source, variant, [("SQ_REAL", real), ("SQ_VARIANT", variant)], isa_flags))
        for source in ext.sources:
            jobs.append((source, "module", ext.define_macros, slowest))

        def compile_one(job: tuple) -> list[str]:
            source, variant, macros, isa_flags = job
            return self.compiler.compile(
                [source],
                output_dir=str(Path(self.build_temp) / variant),
                macros=macros,
                include_dirs=include,
                extra_postargs=flags + isa_flags,
            )

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = [o for made in pool.map(compile_one, jobs) for o in made]
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        link = self.link_openmp + [f for f in sanitize_flags() if f.startswith("-fsanitize")] + ["-lm"]
        self.compiler.link_shared_object(objects, str(target), extra_postargs=link)


limited = [] if FREE_THREADED else [("Py_LIMITED_API", "0x030B0000")]
core = Extension(
    "seqnn._core",
    [
        "csrc/dispatch.c",
        "csrc/scratch.c",
        *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "csrc" / "boundary").glob("*.c")),
    ],
    define_macros=[("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"), *limited],
    py_limited_api=not FREE_THREADED,
)
setup(
    ext_modules=[core],
    cmdclass={"build_ext": BuildCore},
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
