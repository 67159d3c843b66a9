// Rows and columns as text: aligned by display width, cut only for a terminal that is too narrow.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/console.hpp"

namespace weft::cli {

struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;
};

struct Heading {
  std::string title;
  bool right = false;  // numbers
};

class Table {
 public:
  explicit Table(std::vector<Heading> headings) : headings_(std::move(headings)) {}
  // Cells are escaped here; missing ones are empty.
  void add(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  std::string text(const Console& console) const;

 private:
  std::vector<int> widths() const;
  std::string line(const std::vector<Cell>& cells, const std::vector<int>& widths, const Console& console) const;

  std::vector<Heading> headings_;
  std::vector<std::vector<Cell>> rows_;
};

// Widths that fit into `limit` columns with two spaces between: the widest ones give first, none below 4.
std::vector<int> fitted(std::vector<int> widths, int limit);

}  // namespace weft::cli
