/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PRECISION_POLICY_H
#define WDMOE_PRECISION_POLICY_H

#include "ns3/object.h"
#include "ns3/wdmoe-activation.h"

#include <map>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * How the activations of one device are coded.
 */
struct WdmoePrecisionChoice
{
    wdmoe::Precision downlink{wdmoe::Precision::FP16}; ///< of what is sent to it
    wdmoe::Precision uplink{wdmoe::Precision::FP16};   ///< of what it answers
};

/**
 * @ingroup wdmoe-control
 *
 * What a precision policy may look at: one block.
 */
struct WdmoePrecisionInput
{
    std::vector<uint32_t> pairs;         ///< (token, expert) pairs by device, length K
    std::vector<double> downlinkSPerBit; ///< s of air for a bit to each device if it had the full
                                         ///< band; infinite: out of coverage
    std::vector<double> uplinkSPerBit;   ///< the same, from each device
    uint32_t hidden{0};                  ///< m, elements of one pair's activation
    WdmoePrecisionChoice configured;     ///< of the server: nothing finer is needed
};

/**
 * @ingroup wdmoe-control
 *
 * How coarsely activations are coded, a decision like the others. Subclasses are chosen by TypeId.
 */
class WdmoePrecisionPolicy : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param input what to look at
     * @return how activations are coded, by device, length K; never finer than configured
     */
    virtual std::vector<WdmoePrecisionChoice> Decide(const WdmoePrecisionInput& input) = 0;
};

/**
 * @ingroup wdmoe-control
 *
 * As the server was configured, for all devices.
 */
class WdmoeFixedPrecision : public WdmoePrecisionPolicy
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    std::vector<WdmoePrecisionChoice> Decide(const WdmoePrecisionInput& input) override;
};

/**
 * @ingroup wdmoe-control
 *
 * Least air time subject to a bound on lost quality, see wdmoe::ChoosePrecision(): coarser where it
 * saves most, until the price of that is MaxLoss.
 *
 * **Prices** come from a table of "./wdmoe evaluate", data/models/MODEL/sensitivity.json: the
 * relative quality that is lost if all pairs are coded that way in one direction, against the
 * unperturbed model. MaxLoss = 0.01 is one per cent of the table's mean bits per byte (more), or of
 * its mean exact match (less), by the attribute Measure. Of a table this is read:
 *
 *     {"format": "wdmoe-sensitivity-1",
 *      "levers": {"none": [Q],
 *                 "precision": [{"downlink": "int8", "uplink": "fp32", and as in Q}, ...]}}
 *     Q: {"exact_match": {"mean": 0.946}, "bits_per_byte": {"mean": 1.580}}
 *
 * - A gain counts as no loss, and a level as no cheaper than a finer one: both are noise.
 * - Where a level costs more both ways than one way down and one way up together, both one-way
 *   prices are raised in proportion, so that their sum is that of both ways.
 * - Where a one-way entry is missing, half of the two-way one is taken.
 * - "fp32" is free.
 *
 * A model of which only sizes are known has no such table: PriceFile must name one, or this aborts
 * and says how to make it. The bound holds for what the table was made from, and for losses that
 * add up; dropping experts costs quality too, and is not counted here. With the default, 0.004, and
 * those of WdmoeQualityBoundSelector, the two models that ship stay within one per cent.
 */
class WdmoePricedPrecision : public WdmoePrecisionPolicy
{
  public:
    /// In what quality is measured
    enum Measure
    {
        BITS_PER_BYTE, ///< relative increase: smooth
        EXACT_MATCH    ///< relative decrease: coarse where few items were asked
    };

    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    std::vector<WdmoePrecisionChoice> Decide(const WdmoePrecisionInput& input) override;

    /**
     * Aborts where PriceFile has no price for it.
     *
     * @param precision of all pairs
     * @param downlink direction; false: uplink
     * @return relative loss of quality, >= 0
     */
    double GetPrice(wdmoe::Precision precision, bool downlink);

  private:
    /// Prices by precision
    typedef std::map<wdmoe::Precision, double> Table;

    /// Read PriceFile, if that was not done before
    void Load();

    /// @param file path of a price table
    void SetPriceFile(const std::string& file);

    /// @return path of the price table, as set
    std::string GetPriceFile() const;

    /// @param measure in what quality is measured
    void SetMeasure(Measure measure);

    /// @return in what quality is measured
    Measure GetMeasure() const;

    /// @param levels names, separated by commas
    void SetLevels(std::string levels);

    /// @return names, separated by commas
    std::string GetLevels() const;

    std::string m_priceFile;                ///< as set
    Measure m_measure{BITS_PER_BYTE};       ///< of quality
    double m_maxLoss;                       ///< relative
    std::vector<wdmoe::Precision> m_levels; ///< to choose from, beside what is configured
    bool m_loaded{false};                   ///< whether prices are those of PriceFile
    std::string m_path;                     ///< where PriceFile was found
    Table m_downlink;                       ///< prices
    Table m_uplink;                         ///< prices
};

} // namespace ns3

#endif /* WDMOE_PRECISION_POLICY_H */
