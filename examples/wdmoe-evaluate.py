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

from wdmoe import ns


def split(text):
    parts = text.split(",")
    return parts if parts[-1] else parts[:-1]


class Options:
    """Options of the program."""

    def __init__(self):
        self.model = ""  # folder, or name in data/models
        self.data = ""  # files; empty: all of data/evaluation
        self.out = ""  # file
        self.gates = ""  # file
        self.similarity = ""  # file
        self.domain = ""  # for gates; empty: all
        self.levers = "all"  # names
        self.tokens = 20000  # limit
        self.seeds = 5  # repetitions
        self.freeRunning = 0  # items
        self.threads = 2  # of the model
        self.progress = False  # on standard error


def require(good, message):
    if not good:
        raise ValueError(message)


def run(options):
    require(options.model, "--model is missing: a folder, or a name in data/models")
    require(options.out or options.gates or options.similarity, "--out, --gates or --similarity is missing: a file")
    require(options.seeds >= 1, "--seeds is 0; expected at least 1")
    for file in (options.out, options.gates, options.similarity):
        parent = os.path.dirname(file)
        require(not parent or os.path.isdir(parent), f"{file}: cannot be written: no folder {parent}")
    folder = options.model
    if not os.path.exists(folder):
        require("/" not in options.model, f"--model={options.model}: no such folder")
        folder = os.path.dirname(str(ns.WdmoeDataPath(f"models/{options.model}/config.json")))
    ns.wdmoe.Transformer.SetThreads(options.threads)
    model = ns.wdmoe.Transformer.Load(folder)

    files = split(options.data)
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
    if options.domain:
        items = ns.std.vector["wdmoe::EvaluationItem"]([i for i in items if i.domain == options.domain])
        require(len(items), f"--domain={options.domain}: no item of that domain")
    items = ns.wdmoe.LimitTokens(items, options.tokens)
    # "models/x/" has no file name
    name = os.path.basename(os.path.realpath(folder))

    if options.gates:
        evaluator = ns.wdmoe.Evaluator(model, items)
        lengths = ns.std.vector["uint32_t"]()
        gates = evaluator.RecordGates(lengths)
        ns.wdmoe.WriteGateLog(
            options.gates,
            f"full softmax of {name} (digest {model.GetDigest()}), domain {options.domain or 'all'}",
            gates,
            lengths,
        )
        print(f"{options.gates}: {len(gates)} blocks, {len(lengths)} sequences, {gates[0].tokens} tokens", flush=True)
    if options.similarity:
        tokens = 0
        for item in items:
            tokens += len(item.tokens)

        def progress(fraction):
            if options.progress:
                print(f"@progress similarity {fraction:g}", file=sys.stderr, flush=True)

        similarity = ns.WdmoeMeasureSimilarity(model, items, progress)
        similarity.model = name
        source = "outputs of all experts for the tokens that the gate routes to each, mean over "
        source += f"{tokens} tokens, {len(items)} items of"
        for file in names:
            source += f" {file}"
        source += f", domain {options.domain or 'all'}, digest {model.GetDigest()}"
        similarity.source = source
        ns.WdmoeWriteSimilarity(similarity, options.similarity)
        print(
            f"{options.similarity}: {len(similarity.blocks)} blocks, {similarity.experts} experts, {tokens} tokens",
            flush=True,
        )
    if options.out:
        study = ns.WdmoeSensitivityHelper(model, name, items)
        study.seeds = options.seeds
        study.freeRunning = options.freeRunning
        study.progress = options.progress
        study.files = names
        study.Run(ns.WdmoeSensitivityHelper.GetLevers() if options.levers == "all" else split(options.levers))
        study.PrintTable(ns.std.cout)
        study.Write(options.out)


def main(argv):
    options = Options()
    cmd = ns.CommandLine(__file__)
    cmd.AddValue("model", "Folder of a checkpoint, or a name in data/models", options, "model")
    cmd.AddValue("data", "Evaluation files, separated by commas; empty: data/evaluation", options, "data")
    cmd.AddValue("out", "File for the sensitivity table, JSON", options, "out")
    cmd.AddValue("tokens", "Most tokens asked, equal parts by domain; 0: all", options, "tokens")
    cmd.AddValue("levers", "Levers, separated by commas; all; none", options, "levers")
    cmd.AddValue("seeds", "Repetitions where something is random", options, "seeds")
    cmd.AddValue("freeRunning", "Items of each task also answered freely", options, "freeRunning")
    cmd.AddValue("domain", "Only items of this domain; empty: all", options, "domain")
    cmd.AddValue("gates", "File for the gates of the model, CSV", options, "gates")
    cmd.AddValue("similarity", "File for the similarity of its experts, JSON", options, "similarity")
    cmd.AddValue("threads", "Threads of the model", options, "threads")
    cmd.AddValue("progress", "Machine-readable progress on standard error", options, "progress")
    cmd.Parse(argv)
    if options.levers == "none":
        options.levers = ""
    try:
        run(options)
    except Exception as error:
        print(f"wdmoe-evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
