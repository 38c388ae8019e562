use steadfast_actors::clock::Entropy;

use super::actors::Actors;
use super::tree::{Item, Key, Node};
use super::{Document, Family, Scenario, ScenarioError, Swarm};

/// The shortest fault that is drawn.
const SHORTEST: u64 = 50_000_000;

impl Document {
    /// The same with the random faults of its `[swarm]` written out, drawn from `seed`; without that table, only the
    /// seed is another.
    ///
    /// # Errors
    /// Every mistake of the scenario.
    pub fn with_random_faults(&self, seed: u64) -> Result<Self, ScenarioError> {
        let scenario = self.scenario()?;
        let mut document = self.clone();
        document.set("seed", &seed.to_string())?;
        let Some(swarm) = &scenario.swarm else { return Ok(document) };
        let mut draw = Draw { entropy: Entropy::new(seed, "swarm/faults"), scenario: &scenario };
        let faults: Vec<Node> =
            draw.faults(swarm).iter().map(|fault| Node::parse_value(fault, &(0..0))).collect();
        let Item::Table(entries) = &mut document.root_mut().item else { return Ok(document) };
        match entries.iter_mut().find(|(key, _)| key.name == "fault") {
            Some((_, Node { item: Item::List(known), .. })) => known.extend(faults),
            _ => {
                let key = Key { span: 0..0, name: "fault".to_owned() };
                entries.push((key, Node { span: 0..0, item: Item::List(faults) }));
            }
        }
        Ok(document)
    }
}

struct Draw<'a> {
    entropy: Entropy,
    scenario: &'a Scenario,
}

impl Draw<'_> {
    /// The faults of one seed, as a file writes them.
    fn faults(&mut self, swarm: &Swarm) -> Vec<String> {
        // Leaving families out lets each of the others reach further than a mix of all would.
        let mut kept: Vec<(Family, Vec<String>)> = Vec::new();
        for family in &swarm.families {
            let targets = self.targets(*family);
            if !self.happens(swarm.omit) && !targets.is_empty() {
                kept.push((*family, targets));
            }
        }
        let count =
            if kept.is_empty() || swarm.budget == 0 { 0 } else { 1 + self.entropy.up_to(swarm.budget - 1) };
        let mut faults = Vec::new();
        for _ in 0..count {
            let (family, targets) = &kept[self.index(kept.len())];
            let target = &targets[self.index(targets.len())];
            faults.push(self.fault(*family, target));
        }
        faults
    }

    fn targets(&self, family: Family) -> Vec<String> {
        let actors = Actors::of(self.scenario);
        match family {
            Family::Link => {
                let callees = self.scenario.services.iter().map(|service| &service.name);
                callees.map(|name| format!("link:*->{name}")).collect()
            }
            Family::Service => {
                self.scenario.services.iter().map(|service| format!("service:{}", service.name)).collect()
            }
            Family::Actor => actors.all().map(|(kind, name)| format!("actor:{kind}/{name}")).collect(),
            Family::Clock => vec!["clock".to_owned()],
            Family::Store => actors.stores().map(|name| format!("store:{name}")).collect(),
        }
    }

    fn fault(&mut self, family: Family, target: &str) -> String {
        let end = self.scenario.duration;
        // The last part of a run is left for everything to come back.
        let at = self.entropy.up_to(end / 10 * 7);
        let lasts = SHORTEST + self.entropy.up_to(end / 7);
        let what = self.what(family);
        format!(
            "{{ at = \"{}ms\", for = \"{}ms\", target = \"{target}\", {what} }}",
            at / 1_000_000,
            lasts / 1_000_000
        )
    }

    fn what(&mut self, family: Family) -> String {
        let percent = 1 + self.entropy.up_to(98);
        let millis = 1 + self.entropy.up_to(5_000);
        let forms: &[&str] = match family {
            Family::Link => &[
                "kind = \"partition\"",
                "kind = \"oneway\"",
                "kind = \"hold\"",
                "kind = \"clog\"",
                "kind = \"drop\", p = PART",
                "kind = \"duplicate\", p = PART",
                "kind = \"reorder\", p = PART, by = \"TIME\"",
                "kind = \"slow\", add = \"TIME\"",
            ],
            Family::Service => &[
                "kind = \"latency\", latency = \"TIME\"",
                "kind = \"errors\", errors = [{ kind = \"unavailable\", probability = PART }]",
                "kind = \"capacity\", factor = PART",
                "kind = \"crash\"",
                "kind = \"hang\"",
                "kind = \"drip\", p = PART, latency = \"TIME\"",
            ],
            Family::Actor => {
                &["kind = \"crash\"", "kind = \"panic\"", "kind = \"hang\"", "kind = \"mailbox_full\""]
            }
            Family::Clock => &[
                "kind = \"jump\", by = \"TIME\"",
                "kind = \"jump\", by = \"-TIME\"",
                "kind = \"skew\", rate = PART",
                "kind = \"freeze\"",
            ],
            Family::Store => {
                &["kind = \"torn\"", "kind = \"stale\"", "kind = \"enospc\"", "kind = \"bitflip\""]
            }
        };
        let form = forms[self.index(forms.len())];
        form.replace("PART", &format!("0.{percent:02}")).replace("TIME", &format!("{millis}ms"))
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.entropy.up_to(length as u64 - 1)).unwrap_or(0)
    }

    fn happens(&mut self, share: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a millionth is precise enough")]
        let drawn = self.entropy.up_to(999_999) as f64 / 1e6;
        drawn < share
    }
}
