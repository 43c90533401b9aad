/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-data-file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace ns3
{

namespace
{

std::string
ReadWhole(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf()))
    {
        throw WdmoeDataError(path + ": cannot be read (missing, empty, or a folder)");
    }
    return text.str();
}

template <typename T>
std::string
Str(const T& value)
{
    std::ostringstream out;
    out.precision(12);
    out << value;
    return out.str();
}

const nlohmann::json&
Get(const void* value)
{
    return *static_cast<const nlohmann::json*>(value);
}

template <typename T>
bool
Parse(const std::string& text, T& value)
{
    const auto end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && last == end;
}

} // namespace

WdmoeJson
WdmoeJson::Load(const std::string& path)
{
    const auto text = ReadWhole(path);
    WdmoeJson root;
    root.m_file = path;
    // The parser would keep the last of two equal keys, in silence.
    std::vector<std::set<std::string>> keys;
    using Event = nlohmann::json::parse_event_t;
    const auto noTwins = [&](int, Event event, nlohmann::json& value) {
        if (event == Event::object_start)
        {
            keys.emplace_back();
        }
        else if (event == Event::object_end)
        {
            keys.pop_back();
        }
        else if (event == Event::key && !keys.back().insert(value.get<std::string>()).second)
        {
            throw WdmoeDataError(path + ": the key " + value.dump() + " stands twice in an object");
        }
        return true;
    };
    try
    {
        const auto document =
            std::make_shared<const nlohmann::json>(nlohmann::json::parse(text, noTwins));
        root.m_root = document;
        root.m_value = document.get();
    }
    catch (const nlohmann::json::parse_error& error)
    {
        // "byte" counts from 1 and is that of the last character read
        const auto at = std::min(text.size(), error.byte > 0 ? error.byte - 1 : 0);
        const auto line = 1 + std::count(text.begin(), text.begin() + at, '\n');
        const auto before = at > 0 ? text.rfind('\n', at - 1) : std::string::npos;
        const auto column = at - (before == std::string::npos ? 0 : before + 1) + 1;
        std::string what = error.what();
        const auto cut = what.find(": ");
        throw WdmoeDataError(path + ":" + Str(line) + ":" + Str(column) + ": not JSON: " +
                             (cut == std::string::npos ? what : what.substr(cut + 2)));
    }
    return root;
}

void
WdmoeJson::Fail(const std::string& expected) const
{
    throw WdmoeDataError(m_file + ": field '" + (m_path.empty() ? "(whole file)" : m_path) +
                         "': " + expected);
}

bool
WdmoeJson::Has(const std::string& key) const
{
    const auto& value = Get(m_value);
    return value.is_object() && value.contains(key);
}

WdmoeJson
WdmoeJson::At(const std::string& key) const
{
    const auto& value = Get(m_value);
    if (!value.is_object())
    {
        Fail(std::string("expected an object, found ") + value.type_name());
    }
    WdmoeJson child(*this);
    child.m_path = m_path.empty() ? key : m_path + "." + key;
    const auto found = value.find(key);
    if (found == value.end())
    {
        child.Fail("missing");
    }
    child.m_value = &*found;
    return child;
}

WdmoeJson
WdmoeJson::At(std::size_t index) const
{
    WdmoeJson child(*this);
    child.m_path = m_path + "[" + Str(index) + "]";
    if (index >= Size())
    {
        child.Fail("missing");
    }
    child.m_value = &Get(m_value)[index];
    return child;
}

WdmoeJson
WdmoeJson::Sourced(const std::string& key) const
{
    const auto member = At(key);
    member.At("source").String();
    member.Only({"value", "source"});
    return member.At("value");
}

double
WdmoeJson::Number(double least, double most) const
{
    const auto& value = Get(m_value);
    const double number = value.is_number() ? value.get<double>() : std::nan("");
    if (!(number >= least && number <= most))
    {
        Fail("expected a number from " + Str(least) + " to " + Str(most) + ", found " +
             value.dump());
    }
    return number;
}

uint64_t
WdmoeJson::Integer(uint64_t least, uint64_t most) const
{
    const auto& value = Get(m_value);
    const bool whole = value.is_number_unsigned();
    if (!whole || value.get<uint64_t>() < least || value.get<uint64_t>() > most)
    {
        Fail("expected a whole number from " + Str(least) + " to " + Str(most) + ", found " +
             value.dump());
    }
    return value.get<uint64_t>();
}

std::string
WdmoeJson::String() const
{
    const auto& value = Get(m_value);
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
    {
        Fail("expected a text that is not empty, found " + value.dump());
    }
    return value.get<std::string>();
}

std::size_t
WdmoeJson::Size() const
{
    const auto& value = Get(m_value);
    if (!value.is_array())
    {
        Fail(std::string("expected an array, found ") + value.type_name());
    }
    return value.size();
}

std::vector<std::string>
WdmoeJson::Keys() const
{
    const auto& value = Get(m_value);
    if (!value.is_object())
    {
        Fail(std::string("expected an object, found ") + value.type_name());
    }
    std::vector<std::string> keys;
    for (const auto& item : value.items())
    {
        keys.push_back(item.key());
    }
    return keys;
}

void
WdmoeJson::Only(const std::vector<std::string>& known) const
{
    for (const auto& key : Keys())
    {
        if (std::find(known.begin(), known.end(), key) == known.end())
        {
            std::string all;
            for (const auto& name : known)
            {
                all += (all.empty() ? "" : ", ") + name;
            }
            At(key).Fail("not known here; expected: " + all);
        }
    }
}

WdmoeCsv::WdmoeCsv(const std::string& path)
    : m_file(path),
      m_text(ReadWhole(path))
{
}

bool
WdmoeCsv::ReadLine()
{
    if (m_next >= m_text.size())
    {
        return false;
    }
    const auto end = std::min(m_text.find('\n', m_next), m_text.size());
    m_current = m_text.substr(m_next, end - m_next);
    m_next = end + 1;
    m_line++;
    if (!m_current.empty() && m_current.back() == '\r')
    {
        m_current.pop_back();
    }
    m_fields.clear();
    m_starts.clear();
    std::size_t start = 0;
    while (true)
    {
        const auto comma = std::min(m_current.find(',', start), m_current.size());
        m_fields.push_back(m_current.substr(start, comma - start));
        m_starts.push_back(start);
        if (comma == m_current.size())
        {
            return true;
        }
        start = comma + 1;
    }
}

void
WdmoeCsv::ReadHeader()
{
    while (ReadLine())
    {
        if (m_current.empty())
        {
            continue;
        }
        if (m_current[0] != '#')
        {
            m_names = m_fields;
            return;
        }
        const auto colon = m_current.find(':');
        if (colon != std::string::npos)
        {
            const auto from = m_current.find_first_not_of(" #");
            const auto value = m_current.find_first_not_of(' ', colon + 1);
            m_comment[m_current.substr(from, colon - from)] =
                value == std::string::npos ? "" : m_current.substr(value);
        }
    }
    throw WdmoeDataError(m_file + ":" + Str(m_line + 1) + ":1: expected a header line");
}

const std::vector<std::string>&
WdmoeCsv::Names() const
{
    return m_names;
}

std::string
WdmoeCsv::Comment(const std::string& key) const
{
    const auto found = m_comment.find(key);
    if (found == m_comment.end())
    {
        throw WdmoeDataError(m_file + ":1:1: expected a line \"# " + key +
                             ": ...\" before the header");
    }
    return found->second;
}

bool
WdmoeCsv::NextRow()
{
    do
    {
        if (!ReadLine())
        {
            return false;
        }
    } while (m_current.empty());
    if (m_fields.size() != m_names.size())
    {
        throw WdmoeDataError(m_file + ":" + Str(m_line) + ":" + Str(m_starts.back() + 1) +
                             ": expected " + Str(m_names.size()) + " fields, found " +
                             Str(m_fields.size()));
    }
    return true;
}

const std::string&
WdmoeCsv::Text(std::size_t column) const
{
    return m_fields.at(column);
}

void
WdmoeCsv::Fail(std::size_t column, const std::string& expected) const
{
    const bool named = column < m_names.size() && m_fields != m_names;
    throw WdmoeDataError(m_file + ":" + Str(m_line) + ":" +
                         Str((column < m_starts.size() ? m_starts[column] : m_current.size()) + 1) +
                         ": " + (named ? m_names[column] + ": " : "") + "expected " + expected +
                         ", found '" + (column < m_fields.size() ? m_fields[column] : "") + "'");
}

uint64_t
WdmoeCsv::Integer(std::size_t column, uint64_t least, uint64_t most) const
{
    uint64_t value = 0;
    if (!Parse(Text(column), value) || value < least || value > most)
    {
        Fail(column, "a whole number from " + Str(least) + " to " + Str(most));
    }
    return value;
}

double
WdmoeCsv::Number(std::size_t column, double least, double most) const
{
    double value = 0;
    if (!Parse(Text(column), value) || !(value >= least && value <= most))
    {
        Fail(column, "a number from " + Str(least) + " to " + Str(most));
    }
    return value;
}

} // namespace ns3
