# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-evaluate.cc.

What losing, dropping or coarsening expert calls costs a real model, without a network:

    python wdmoe-evaluate.py --model=wdmoe-lm-robust --out=sensitivity.json

Or write the gates of the model for the text of a domain, for WdmoeRecordedGateSource:

    python wdmoe-evaluate.py --model=wdmoe-lm-base --gates=gates.csv --domain=shakespeare --tokens=2000

Or measure how similar its experts are to one another, for WdmoeSiftSelector:

    python wdmoe-evaluate.py --model=wdmoe-lm-base --similarity=similarity.json

The levers and the file written are those of the C++ program, which describes them.
"""

import os
import sys
from ctypes import c_bool, c_uint32

from wdmoe import ns


def split(text):
    parts = text.split(",")
    return parts if parts[-1] else parts[:-1]


class Options:
    """Options of the program."""

    def __init__(self):
        self.model = ns.std.string()  # folder, or name in data/models
        self.data = ns.std.string()  # files; empty: all of data/evaluation
        self.out = ns.std.string()  # file
        self.gates = ns.std.string()  # file
        self.similarity = ns.std.string()  # file
        self.domain = ns.std.string()  # for gates; empty: all
        self.levers = ns.std.string("all")  # names
        self.tokens = c_uint32(20000)  # limit
        self.seeds = c_uint32(5)  # repetitions
        self.freeRunning = c_uint32(0)  # items
        self.threads = c_uint32(2)  # of the model
        self.progress = c_bool(False)  # on standard error


def require(good, message):
    if not good:
        raise ValueError(message)


def run(options):
    model_option, out, gates_file, similarity_file, domain = map(
        str, (options.model, options.out, options.gates, options.similarity, options.domain)
    )
    require(model_option, "--model is missing: a folder, or a name in data/models")
    require(out or gates_file or similarity_file, "--out, --gates or --similarity is missing: a file")
    require(options.seeds.value >= 1, "--seeds is 0; expected at least 1")
    for file in (out, gates_file, similarity_file):
        parent = os.path.dirname(file)
        require(not parent or os.path.isdir(parent), f"{file}: cannot be written: no folder {parent}")
    folder = model_option
    if not os.path.exists(folder):
        require("/" not in model_option, f"--model={model_option}: no such folder")
        folder = os.path.dirname(str(ns.WdmoeDataPath(f"models/{model_option}/config.json")))
    ns.wdmoe.Transformer.SetThreads(options.threads.value)
    model = ns.wdmoe.Transformer.Load(folder)

    files = split(str(options.data))
    if not files:
        for name in ns.WdmoeDataNames("evaluation", ".jsonl"):
            files.append(str(ns.WdmoeDataPath(f"evaluation/{name}.jsonl")))
        require(files, "--data is missing, and there is no data/evaluation")
    items = ns.std.vector["wdmoe::EvaluationItem"]()
    names = []
    for file in files:
        for item in ns.wdmoe.ReadEvaluation(file, model.GetConfig()):
            items.push_back(item)
        names.append(os.path.basename(file))
    if domain:
        items = ns.std.vector["wdmoe::EvaluationItem"]([i for i in items if i.domain == domain])
        require(len(items), f"--domain={domain}: no item of that domain")
    items = ns.wdmoe.LimitTokens(items, options.tokens.value)
    # "models/x/" has no file name
    name = os.path.basename(os.path.realpath(folder))

    if gates_file:
        evaluator = ns.wdmoe.Evaluator(model, items)
        lengths = ns.std.vector["uint32_t"]()
        gates = evaluator.RecordGates(lengths)
        ns.wdmoe.WriteGateLog(
            gates_file,
            f"full softmax of {name} (digest {model.GetDigest()}), domain {domain or 'all'}",
            gates,
            lengths,
        )
        print(f"{gates_file}: {len(gates)} blocks, {len(lengths)} sequences, {gates[0].tokens} tokens", flush=True)
    if similarity_file:
        tokens = 0
        for item in items:
            tokens += len(item.tokens)

        def progress(fraction):
            if options.progress.value:
                print(f"@progress similarity {fraction:g}", file=sys.stderr, flush=True)

        similarity = ns.WdmoeMeasureSimilarity(model, items, progress)
        similarity.model = name
        source = "outputs of all experts for the tokens that the gate routes to each, mean over "
        source += f"{tokens} tokens, {len(items)} items of"
        for file in names:
            source += f" {file}"
        source += f", domain {domain or 'all'}, digest {model.GetDigest()}"
        similarity.source = source
        ns.WdmoeWriteSimilarity(similarity, similarity_file)
        print(
            f"{similarity_file}: {len(similarity.blocks)} blocks, {similarity.experts} experts, {tokens} tokens",
            flush=True,
        )
    if out:
        study = ns.WdmoeSensitivityHelper(model, name, items)
        study.seeds = options.seeds.value
        study.freeRunning = options.freeRunning.value
        study.progress = options.progress.value
        study.files = names
        study.Run(ns.WdmoeSensitivityHelper.GetLevers() if options.levers == "all" else split(str(options.levers)))
        study.PrintTable(ns.std.cout)
        study.Write(out)


def main(argv):
    options = Options()
    cmd = ns.CommandLine(__file__)
    cmd.AddValue("model", "Folder of a checkpoint, or a name in data/models", options.model)
    cmd.AddValue("data", "Evaluation files, separated by commas; empty: data/evaluation", options.data)
    cmd.AddValue("out", "File for the sensitivity table, JSON", options.out)
    cmd.AddValue("tokens", "Most tokens asked, equal parts by domain; 0: all", options.tokens)
    cmd.AddValue("levers", "Levers, separated by commas; all; none", options.levers)
    cmd.AddValue("seeds", "Repetitions where something is random", options.seeds)
    cmd.AddValue("freeRunning", "Items of each task also answered freely", options.freeRunning)
    cmd.AddValue("domain", "Only items of this domain; empty: all", options.domain)
    cmd.AddValue("gates", "File for the gates of the model, CSV", options.gates)
    cmd.AddValue("similarity", "File for the similarity of its experts, JSON", options.similarity)
    cmd.AddValue("threads", "Threads of the model", options.threads)
    cmd.AddValue("progress", "Machine-readable progress on standard error", options.progress)
    cmd.Parse(argv)
    if options.levers == "none":
        options.levers.clear()
    try:
        run(options)
    except Exception as error:
        print(f"wdmoe-evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
