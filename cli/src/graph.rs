//! A commit graph in text, as `git log --graph` draws it. Owns the columns; pure.
//!
//! Each column waits for one commit. A commit's first parent takes its column; a further parent opens a column to its
//! right; two columns that wait for the same commit are joined into the left one.

use lakebed_sdk::CommitId;

/// The columns between two commits.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    columns: Vec<CommitId>,
}

impl Graph {
    /// Draws one commit: `lines` beside its star, and under it the lines that lead to its parents.
    pub(crate) fn commit(&mut self, id: CommitId, parents: &[CommitId], lines: &[String]) -> Vec<String> {
        let at = self.columns.iter().position(|&waiting| waiting == id).unwrap_or_else(|| {
            self.columns.push(id);
            self.columns.len() - 1
        });
        let star: String = (0..self.columns.len()).map(|i| if i == at { "* " } else { "| " }).collect();
        let links = self.descend(at, parents);
        let bars = "| ".repeat(self.columns.len());
        let mut drawn = Vec::with_capacity(lines.len() + links.len());
        let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        drawn.push(format!("{star}{first}"));
        drawn.extend(links);
        drawn.extend(rest.iter().map(|line| format!("{bars}{line}")));
        drawn.into_iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Replaces a commit by its parents and draws how.
    fn descend(&mut self, at: usize, parents: &[CommitId]) -> Vec<String> {
        let mut links = Vec::new();
        match parents.split_first() {
            None => {
                self.columns.remove(at);
                if at < self.columns.len() {
                    links.push(format!("{}{}", "| ".repeat(at), " /".repeat(self.columns.len() - at)));
                }
            }
            Some((&first, others)) => {
                self.columns[at] = first;
                for &parent in others.iter().rev() {
                    let right = self.columns.len() - at - 1;
                    links.push(format!("{}|\\{}", "| ".repeat(at), " \\".repeat(right)));
                    self.columns.insert(at + 1, parent);
                }
            }
        }
        while let Some((left, right)) = self.twins() {
            let between: String = (left..right).map(|i| if i + 1 == right { "|/" } else { "|_" }).collect();
            links.push(format!("{}{between}{}", "| ".repeat(left), " /".repeat(self.columns.len() - right - 1)));
            self.columns.remove(right);
        }
        links
    }

    /// Two columns that wait for the same commit.
    fn twins(&self) -> Option<(usize, usize)> {
        (0..self.columns.len()).find_map(|left| {
            let right = (left + 1..self.columns.len()).find(|&right| self.columns[right] == self.columns[left])?;
            Some((left, right))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> CommitId {
        CommitId::from_bytes([n; 32])
    }

    fn draw(commits: &[(u8, &[u8])]) -> String {
        let mut graph = Graph::default();
        let mut lines = Vec::new();
        for (n, parents) in commits {
            let parents: Vec<_> = parents.iter().map(|&n| id(n)).collect();
            lines.extend(graph.commit(id(*n), &parents, &[n.to_string()]));
        }
        lines.join("\n")
    }

    #[test]
    fn a_line_is_a_line() {
        assert_eq!(draw(&[(3, &[2]), (2, &[1]), (1, &[])]), "* 3\n* 2\n* 1");
    }

    #[test]
    fn a_merge_forks_and_joins() {
        let drawn = draw(&[(4, &[2, 3]), (3, &[1]), (2, &[1]), (1, &[])]);
        assert_eq!(drawn, "* 4\n|\\\n| * 3\n* | 2\n|/\n* 1");
    }

    #[test]
    fn a_far_column_joins_beneath_the_others() {
        let drawn = draw(&[(6, &[4, 5]), (5, &[2, 3]), (4, &[1]), (3, &[1]), (2, &[1]), (1, &[])]);
        assert_eq!(drawn, "* 6\n|\\\n| * 5\n| |\\\n* | | 4\n| | * 3\n|_|/\n| * 2\n|/\n* 1");
    }
}
