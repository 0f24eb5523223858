//! Which instances depend on each other in a circle.

/// The group of each node: two nodes are in one group when each can be reached from the other.
///
/// This is Kosaraju's algorithm with stacks of its own, so that a long chain can't exhaust the thread's stack.
pub(super) fn groups(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; edges.len()];
    let mut finished = Vec::with_capacity(edges.len());
    for start in 0..edges.len() {
        visit(edges, start, &mut seen, &mut |node| finished.push(node));
    }
    let mut reversed = vec![Vec::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        for &to in targets {
            reversed[to].push(from);
        }
    }
    let mut group = vec![0; edges.len()];
    let mut seen = vec![false; edges.len()];
    for &start in finished.iter().rev() {
        visit(&reversed, start, &mut seen, &mut |node| group[node] = start);
    }
    group
}

/// Calls `finish` on every unseen node that can be reached, each after those it leads to.
fn visit(edges: &[Vec<usize>], start: usize, seen: &mut [bool], finish: &mut impl FnMut(usize)) {
    if std::mem::replace(&mut seen[start], true) {
        return;
    }
    let mut stack = vec![(start, 0)];
    while let Some((node, next)) = stack.last_mut() {
        match edges[*node].get(*next) {
            Some(&target) => {
                *next += 1;
                if !std::mem::replace(&mut seen[target], true) {
                    stack.push((target, 0));
                }
            }
            None => {
                finish(*node);
                stack.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn circles_are_groups() {
        let group = groups(&[vec![1], vec![2], vec![0, 3], vec![4], vec![], vec![5]]);
        assert!(group[0] == group[1] && group[1] == group[2]);
        assert_ne!(group[2], group[3]);
        assert_ne!(group[3], group[4]);
        assert_ne!(group[4], group[5]);
    }

    #[test]
    fn a_long_chain_is_no_circle() {
        let edges: Vec<Vec<usize>> =
            (0..100_000).map(|node| (node + 1 < 100_000).then_some(node + 1).into_iter().collect()).collect();
        let mut group = groups(&edges);
        group.sort_unstable();
        group.dedup();
        assert_eq!(group.len(), edges.len());
    }
}
