/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Times the real model: loading, a prompt, and one more token for one and for eight sequences.
// Prints one line of JSON. model-vs-pytorch.py runs it in turn with PyTorch.

#include "ns3/command-line.h"
#include "ns3/wdmoe-transformer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace
{

/// @return seconds since some moment
double
Now()
{
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

/// @return a number of kibibytes of /proc/self/status; @param key its name
double
MemoryKib(const std::string& key)
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
    {
        if (line.compare(0, key.size() + 1, key + ":") == 0)
        {
            return std::strtod(line.c_str() + key.size() + 1, nullptr);
        }
    }
    return 0;
}

/// @return tokens like those model-vs-pytorch.py makes; @param n how many @param vocabulary V
/// @param sequence which sequence
std::vector<uint32_t>
Prompt(uint32_t n, uint32_t vocabulary, uint32_t sequence)
{
    std::vector<uint32_t> tokens(n);
    for (uint32_t i = 0; i < n; ++i)
    {
        tokens[i] = (i * i * 31 + i * 17 + sequence * 101) % vocabulary;
    }
    return tokens;
}

/// @return the list as JSON; @param values numbers
std::string
Json(const std::vector<double>& values)
{
    std::string text;
    for (const double value : values)
    {
        text += (text.empty() ? "" : ", ") + std::to_string(value);
    }
    return "[" + text + "]";
}

} // namespace

int
main(int argc, char* argv[])
{
    std::string folder;
    uint32_t runs = 5;
    uint32_t prompt = 256;
    uint32_t steps = 32;
    uint32_t threads = 2;
    uint32_t evaluate = 0;
    ns3::CommandLine cmd(__FILE__);
    cmd.AddNonOption("folder", "checkpoint", folder);
    cmd.AddValue("runs", "how often each thing is timed", runs);
    cmd.AddValue("prompt", "tokens of the prompt", prompt);
    cmd.AddValue("steps", "tokens generated after it", steps);
    cmd.AddValue("threads", "threads", threads);
    cmd.AddValue("evaluate", "tokens of a teacher-forced evaluation; 0: none", evaluate);
    cmd.Parse(argc, argv);

    wdmoe::Transformer::SetThreads(threads);
    const double before = MemoryKib("VmRSS");
    double began = Now();
    const auto model = wdmoe::Transformer::Load(folder);
    const double load = Now() - began;
    const double after = MemoryKib("VmRSS");
    const double peak = MemoryKib("VmHWM");
    const auto& config = model->GetConfig();

    std::vector<double> prefillMs;
    std::vector<double> oneMs;
    std::vector<double> eightMs;
    uint32_t last = 0;
    for (uint32_t run = 0; run < runs; ++run)
    {
        for (const uint32_t batch : {1, 8})
        {
            std::vector<wdmoe::KeyValueCache> caches(batch, wdmoe::KeyValueCache(config));
            std::vector<wdmoe::SequenceRows> rows;
            std::vector<uint32_t> tokens;
            for (uint32_t s = 0; s < batch; ++s)
            {
                rows.push_back({&caches[s], prompt});
                const auto more = Prompt(prompt, config.vocabulary, s);
                tokens.insert(tokens.end(), more.begin(), more.end());
            }
            began = Now();
            auto logits = wdmoe::Forward(*model, rows, tokens);
            if (batch == 1)
            {
                prefillMs.push_back((Now() - began) * 1e3);
            }
            const auto best = [&](std::size_t row) {
                const auto from = logits.begin() + row * config.vocabulary;
                return static_cast<uint32_t>(std::max_element(from, from + config.vocabulary) -
                                             from);
            };
            tokens.clear();
            for (uint32_t s = 0; s < batch; ++s)
            {
                tokens.push_back(best((s + 1) * prompt - 1));
                rows[s].tokens = 1;
            }
            began = Now();
            for (uint32_t step = 0; step < steps; ++step)
            {
                logits = wdmoe::Forward(*model, rows, tokens);
                for (uint32_t s = 0; s < batch; ++s)
                {
                    tokens[s] = best(s);
                }
            }
            (batch == 1 ? oneMs : eightMs).push_back((Now() - began) * 1e3 / steps);
            last = tokens[0];
        }
    }
    double evaluated = 0;
    began = Now();
    for (uint32_t done = 0; done < evaluate; done += config.contextLength)
    {
        wdmoe::KeyValueCache cache(config);
        const auto tokens = Prompt(config.contextLength, config.vocabulary, done);
        wdmoe::Forward(*model, {{&cache, config.contextLength}}, tokens);
    }
    evaluated = Now() - began;

    std::cout << "{\"load_s\": " << load << ", \"rss_before_kib\": " << before
              << ", \"rss_kib\": " << after << ", \"peak_kib\": " << peak
              << ", \"prefill_ms\": " << Json(prefillMs) << ", \"decode1_ms\": " << Json(oneMs)
              << ", \"decode8_ms\": " << Json(eightMs) << ", \"evaluate_s\": " << evaluated
              << ", \"last_token\": " << last << "}" << std::endl;
    return 0;
}
