/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SENSITIVITY_HELPER_H
#define WDMOE_SENSITIVITY_HELPER_H

#include "ns3/wdmoe-evaluator.h"

#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * @param x some numbers
 * @param y as many
 * @return Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of
 *         theirs; NaN for fewer than two pairs, or where all of x or all of y are equal
 */
double WdmoeRankCorrelation(const std::vector<double>& x, const std::vector<double>& y);

/// A mean over repetitions, and how far it may be off
struct WdmoeEstimate
{
    double mean{0};      ///< of the values; NaN without any
    double halfWidth{0}; ///< of its 95 % confidence interval (Student); NaN for fewer than two
};

/**
 * @ingroup wdmoe-helper
 *
 * @param values of repetitions
 * @return their mean and the half width of its 95 % interval, t(n - 1) s / sqrt(n)
 */
WdmoeEstimate WdmoeEstimateMean(const std::vector<double>& values);

/**
 * @ingroup wdmoe-helper
 *
 * How much of its quality a model loses by what may happen to its experts, lever by lever: the
 * price list of policies that drop, delay or coarsen expert calls. Everything runs in this process,
 * without a network; see examples/wdmoe-evaluate.cc for the file it writes.
 */
class WdmoeSensitivityHelper
{
  public:
    /// A lever in one position
    struct Setting
    {
        std::string lever;                ///< "tau", "loss", ...
        std::string name;                 ///< unique, "loss 0.01"
        double value{0};                  ///< the number in it; an expert, a probability, ...
        wdmoe::Perturbation perturbation; ///< what it does
    };

    /// What a setting did, one entry for each seed
    struct Measured
    {
        Setting setting;                             ///< what was done
        std::vector<wdmoe::EvaluationResult> runs;   ///< teacher forcing
        std::vector<wdmoe::EvaluationResult> freely; ///< free running, first seed; may be empty

        /**
         * @param value of a run
         * @return its mean over seeds
         */
        template <typename F>
        WdmoeEstimate Over(F value) const;
    };

    /**
     * @param model the model
     * @param name of it, for the file
     * @param items what it is asked
     */
    WdmoeSensitivityHelper(std::shared_ptr<const wdmoe::Transformer> model,
                           const std::string& name,
                           std::vector<wdmoe::EvaluationItem> items);

    /// @return names of the levers, the unperturbed model ("none") not among them
    static const std::vector<std::string>& GetLevers();

    /**
     * Measure the unperturbed model and all settings of some levers.
     *
     * @param levers their names
     * @throws std::invalid_argument for a name that is not known
     */
    void Run(const std::vector<std::string>& levers);

    /// @return what was measured, the unperturbed model first
    const std::vector<Measured>& GetMeasured() const;

    /// One line for each setting; @param out where to
    void PrintTable(std::ostream& out) const;

    /**
     * Write the table as JSON.
     *
     * @param path of the file, overwritten
     * @throws std::runtime_error if it cannot be written
     */
    void Write(const std::string& path) const;

    // Options, with their defaults
    uint32_t seeds{5};              ///< repetitions of a setting in which something is random
    uint32_t freeRunning{0};        ///< items of each task that the model also answers freely
    bool progress{false};           ///< "@progress NAME FRACTION" on standard error
    std::vector<std::string> files; ///< names of the evaluation files, for the file written

  private:
    /// What a lever costs where it is used mildly
    struct Price
    {
        std::size_t settings{0}; ///< number of settings fitted
        double bitsPerByte{0};   ///< d(mean bits per byte) / d(share of pairs missing)
        double exactMatch{0};    ///< d(mean exact match) / d(share of pairs missing)
    };

    /// @return settings of one lever; @param lever its name
    std::vector<Setting> MakeSettings(const std::string& lever) const;

    /// @return slopes through the unperturbed model; @param lever its name
    Price FitPrice(const std::string& lever) const;

    /**
     * @param precision whether settings of the lever "precision" count
     * @param bits against mean bits per byte; else against mean exact match
     * @return rank correlation of the kept gate mass with quality over settings
     */
    double CorrelateMass(bool precision, bool bits) const;

    std::shared_ptr<const wdmoe::Transformer> m_model; ///< asked
    std::string m_name;                                ///< of it
    wdmoe::Evaluator m_evaluator;                      ///< asks
    std::vector<Measured> m_measured;                  ///< none first
};

template <typename F>
WdmoeEstimate
WdmoeSensitivityHelper::Measured::Over(F value) const
{
    std::vector<double> values;
    for (const auto& run : runs)
    {
        values.push_back(value(run));
    }
    return WdmoeEstimateMean(values);
}

} // namespace ns3

#endif /* WDMOE_SENSITIVITY_HELPER_H */
