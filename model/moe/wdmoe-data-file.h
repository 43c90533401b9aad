/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_DATA_FILE_H
#define WDMOE_DATA_FILE_H

// Internal: not installed, not part of the interface of the module.

#include "wdmoe-model-description.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-moe
 *
 * A data file is not what it should be. what() names file, line and column (malformed text) or
 * the field (wrong content), and what was expected. The public loaders abort with that text;
 * tests catch it.
 */
class WdmoeDataError : public std::runtime_error
{
  public:
    using std::runtime_error::runtime_error;
};

/**
 * @ingroup wdmoe-moe
 *
 * One value of a JSON file, with its place for messages. The JSON library stays in the .cc.
 */
class WdmoeJson
{
  public:
    /**
     * @param path of a readable file
     * @return its root
     * @throws WdmoeDataError "FILE:LINE:COLUMN: ..." if it is not JSON
     */
    static WdmoeJson Load(const std::string& path);

    /// @return whether this is an object that has this key; @param key looked for
    bool Has(const std::string& key) const;

    /// @return the member; throws if it is missing or this is no object; @param key its name
    WdmoeJson At(const std::string& key) const;

    /// @return the element; throws if this is no array or it is too short; @param index its place
    WdmoeJson At(std::size_t index) const;

    /**
     * A member {"value": ..., "source": "..."}: every number of a data file stands beside its
     * source.
     *
     * @param key its name
     * @return the value; throws if the source is missing or empty
     */
    WdmoeJson Sourced(const std::string& key) const;

    /**
     * @param least smallest accepted
     * @param most largest accepted
     * @return the number; throws if it is none or out of range
     */
    double Number(double least, double most) const;

    /**
     * @param least smallest accepted
     * @param most largest accepted
     * @return the whole number; throws if it is none or out of range
     */
    uint64_t Integer(uint64_t least, uint64_t most) const;

    /// @return the text; throws if it is none or empty
    std::string String() const;

    /// @return length of the array; throws if it is none
    std::size_t Size() const;

    /// @return keys of the object, sorted; throws if it is none
    std::vector<std::string> Keys() const;

    /// Throws if there is a key that is not among these; @param known keys
    void Only(const std::vector<std::string>& known) const;

    /// Throws "FILE: field 'PATH': EXPECTED"; @param expected what should be there
    [[noreturn]] void Fail(const std::string& expected) const;

  private:
    WdmoeJson() = default;

    std::shared_ptr<const void> m_root; ///< keeps the document alive
    const void* m_value{nullptr};       ///< the value in it
    std::string m_file;                 ///< for messages
    std::string m_path;                 ///< for messages, "devices.phone-soc.flops"
};

/**
 * @ingroup wdmoe-moe
 *
 * Reads a CSV file line by line. Lines starting with '#' before the header are comments; those of
 * the form "# key: value" are kept. LF and CRLF both end a line.
 */
class WdmoeCsv
{
  public:
    /// Opens the file; throws if it cannot be read; @param path of the file
    explicit WdmoeCsv(const std::string& path);

    /// Reads comments and the header line; throws if there is none
    void ReadHeader();

    /// @return names of the columns
    const std::vector<std::string>& Names() const;

    /// @return value of the comment "# key: value"; throws if there is none; @param key before the
    /// colon
    std::string Comment(const std::string& key) const;

    /**
     * Reads the next row; throws if it has not as many fields as the header.
     * @return false at the end of the file
     */
    bool NextRow();

    /// @return field of this row; @param column counts from 0
    const std::string& Text(std::size_t column) const;

    /**
     * @param column counts from 0
     * @param least smallest accepted
     * @param most largest accepted
     * @return the whole number in that field; throws if it is none or out of range
     */
    uint64_t Integer(std::size_t column, uint64_t least, uint64_t most) const;

    /**
     * @param column counts from 0
     * @param least smallest accepted
     * @param most largest accepted
     * @return the number in that field; throws if it is none or out of range
     */
    double Number(std::size_t column, double least, double most) const;

    /**
     * Throws "FILE:LINE:COLUMN: expected ..., found ...".
     * @param column counts from 0
     * @param expected what should be there
     */
    [[noreturn]] void Fail(std::size_t column, const std::string& expected) const;

  private:
    /// @return whether there was a line; splits it into fields
    bool ReadLine();

    std::string m_file;                           ///< for messages
    std::string m_text;                           ///< the whole file
    std::size_t m_next{0};                        ///< first byte not read
    std::size_t m_line{0};                        ///< counts from 1
    std::string m_current;                        ///< the line, without its end
    std::vector<std::string> m_fields;            ///< of the line
    std::vector<std::size_t> m_starts;            ///< where each field starts in the line
    std::vector<std::string> m_names;             ///< header
    std::map<std::string, std::string> m_comment; ///< "# key: value"
};

/// One row of a request trace
struct WdmoeTraceRow
{
    int64_t timeNs{0};  ///< ns since 1970-01-01
    uint32_t prompt{0}; ///< context tokens
    uint32_t output{0}; ///< generated tokens
};

/// A recorded gate log, as WdmoeRecordedGateSource reads it
struct WdmoeGateLog
{
    uint32_t experts{0};            ///< E
    uint32_t topK{0};               ///< experts kept for each token
    uint32_t blocks{0};             ///< recorded blocks
    std::vector<std::size_t> start; ///< first token of each sequence; last: number of tokens
    std::vector<uint16_t> expert;   ///< blocks x tokens x topK
    std::vector<float> weight;      ///< same
};

/// Recorded counts of the experts chosen, as WdmoeRecordedGateSource reads them
struct WdmoeGateCounts
{
    std::string model;                ///< name of the model recorded
    uint32_t experts{0};              ///< E
    uint32_t topK{0};                 ///< k
    uint32_t modelBlocks{0};          ///< blocks of the model recorded
    std::vector<uint32_t> layers;     ///< which of them were recorded, rising
    std::vector<std::string> domains; ///< names
    std::vector<double> share;        ///< domains x layers x experts: share of tokens, sums to k
};

/// Parameters of the gate process, see WdmoeSyntheticGateSource
struct WdmoeGateFit
{
    double skew{0};          ///< spread of the popularity logits
    double concentration{0}; ///< spread of the token logits
    double correlation{0};   ///< lag-1 correlation of the token logits
};

/// @return the description in that file; throws WdmoeDataError; @param path of a JSON file
WdmoeModelDescription WdmoeReadModel(const std::string& path);

/**
 * @param path of a JSON file
 * @param name of a device in it
 * @return its profile; throws WdmoeDataError
 */
wdmoe::DeviceProfile WdmoeReadDevice(const std::string& path, const std::string& name);

/// @return rows, times not falling; throws WdmoeDataError; @param path of a CSV file
std::vector<WdmoeTraceRow> WdmoeReadTrace(const std::string& path);

/// @return the log; throws WdmoeDataError; @param path of a CSV file
WdmoeGateLog WdmoeReadGateLog(const std::string& path);

/// @return the counts; throws WdmoeDataError; @param path of a JSON file
WdmoeGateCounts WdmoeReadGateCounts(const std::string& path);

/**
 * @param path of a JSON file
 * @param preset name in it
 * @return its parameters; throws WdmoeDataError
 */
WdmoeGateFit WdmoeReadGateFit(const std::string& path, const std::string& preset);

} // namespace ns3

#endif /* WDMOE_DATA_FILE_H */
