#include "agent/cli/table.hpp"

#include <algorithm>
#include <numeric>

#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

constexpr int kGap = 2;
constexpr int kNarrowest = 4;

}  // namespace

std::vector<int> fitted(std::vector<int> widths, int limit) {
  auto total = [&] { return std::reduce(widths.begin(), widths.end()) + kGap * (static_cast<int>(widths.size()) - 1); };
  while (limit > 0 && total() > limit) {
    auto widest = std::ranges::max_element(widths);
    if (*widest <= kNarrowest) break;
    --*widest;
  }
  return widths;
}

void Table::add(std::vector<Cell> cells) {
  cells.resize(headings_.size());
  for (auto& cell : cells) cell.text = escaped(cell.text);
  rows_.push_back(std::move(cells));
}

std::vector<int> Table::widths() const {
  std::vector<int> widths;
  for (const auto& heading : headings_) widths.push_back(display_width(heading.title));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  return widths;
}

std::string Table::line(const std::vector<Cell>& cells, const std::vector<int>& widths, const Console& console) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    auto shown = cut_to(cells[i].text, widths[i], console.ellipsis());
    bool last = i + 1 == cells.size();
    auto fill = static_cast<std::size_t>(std::max(0, widths[i] - display_width(shown)));
    if (headings_[i].right) line.append(fill, ' ');
    line += console.paint(shown, cells[i].tone);
    if (!headings_[i].right && !last) line.append(fill, ' ');
    if (!last) line.append(kGap, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string Table::text(const Console& console) const {
  auto column_widths = fitted(widths(), console.width());
  std::vector<Cell> titles;
  for (const auto& heading : headings_) titles.push_back({heading.title, Tone::kBold});
  auto text = line(titles, column_widths, console);
  for (const auto& row : rows_) text += line(row, column_widths, console);
  return text;
}

}  // namespace weft::cli
