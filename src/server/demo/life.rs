//! What else happens in a baby's days, beside milk, sleep and nappies: meals, medicine, growing, play, and what
//! is only noticed once.

use jiff::civil::{Date, Weekday};
use serde_json::{Value, json};

use super::rhythm::Diary;
use crate::domain::{field::Fields, id::EntityId, registry::EntityType, time::Timestamp};

const MINUTE: i64 = 60_000;

/// The catalogues of the family.
#[derive(Default)]
pub(super) struct Shelf {
    vitamin: Option<EntityId>,
    fever_syrup: Option<EntityId>,
    swimming: Option<EntityId>,
    foods: Vec<EntityId>,
}

const FOODS: [(&str, Option<&str>); 8] = [
    ("Carrot", None),
    ("Pear", None),
    ("Broccoli", None),
    ("Oat porridge", Some("wheat")),
    ("Egg", Some("egg")),
    ("Yoghurt", Some("milk")),
    ("Peanut butter", Some("peanut")),
    ("Salmon", Some("fish")),
];
/// At which age, in days.
const VACCINES: [(i64, &str, i64); 7] = [
    (61, "Hexavalent", 1),
    (61, "Pneumococcal", 1),
    (120, "Hexavalent", 2),
    (120, "Pneumococcal", 2),
    (335, "Hexavalent", 3),
    (336, "Measles, mumps, rubella", 1),
    (460, "Measles, mumps, rubella", 2),
];
const MILESTONES: [(i64, &str, &str); 10] = [
    (45, "First smile", "social"),
    (75, "Held up the head", "motor"),
    (110, "Laughed out loud", "social"),
    (125, "Rolled over", "motor"),
    (190, "Sat without help", "motor"),
    (280, "Crawled", "motor"),
    (350, "First word", "language"),
    (390, "First steps", "motor"),
    (700, "First sentence", "language"),
    (1_100, "First friend", "social"),
];
const NOTES: [&str; 4] =
    ["Visit from the neighbours", "Found the feet today", "Cried a lot in the evening", "Slept through the storm"];

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

impl Diary<'_> {
    /// The catalogues, as the family fills them in on the first day.
    pub(super) fn fill_shelf(&mut self, date: Date) -> anyhow::Result<()> {
        let at = self.about(date, 0, 10, 0)?;
        let vitamin = json!({
            "name": "Vitamin D", "usualDose": 1, "unit": "drops", "minIntervalS": 20 * 3_600, "maxCount24h": 1,
        });
        let syrup = json!({
            "name": "Paracetamol syrup", "usualDose": 2.5, "unit": "ml", "maxDose24h": 10, "minIntervalS": 6 * 3_600,
            "maxCount24h": 4,
        });
        let swimming = json!({"name": "Baby swimming", "icon": "wave", "fields": ["mood"]});
        self.shelf.vitamin = self.write(date, at, EntityType::MEDICINE, fields(vitamin))?;
        self.shelf.fever_syrup = self.write(date, at, EntityType::MEDICINE, fields(syrup))?;
        self.shelf.swimming = self.write(date, at, EntityType::CUSTOM_ACTIVITY, fields(swimming))?;
        for (name, allergen) in FOODS {
            let mut food = fields(json!({ "name": name }));
            food.extend(allergen.map(|allergen| ("allergen".to_owned(), allergen.into())));
            let food = self.write(date, at, EntityType::FOOD, food)?;
            self.shelf.foods.extend(food);
        }
        Ok(())
    }

    pub(super) fn life(&mut self, date: Date, age: i64) -> anyhow::Result<()> {
        self.meals(date, age)?;
        self.play(date, age)?;
        self.health(date, age)?;
        if age < 300 && self.chance.percent(40) {
            self.pump(date)?;
        }
        for (_, title, category) in MILESTONES.iter().filter(|(when, ..)| *when == age) {
            let at = self.about(date, 11, 15, 60)?;
            self.write(date, at, EntityType::MILESTONE_LOG, fields(json!({"title": title, "category": category})))?;
        }
        if self.chance.percent(8) {
            let (at, text) = (self.about(date, 20, 30, 25)?, self.chance.one_of(&NOTES));
            self.write(date, at, EntityType::NOTE_LOG, fields(json!({ "text": text })))?;
        }
        Ok(())
    }

    fn meals(&mut self, date: Date, age: i64) -> anyhow::Result<()> {
        let times = [(11, 40), (7, 30), (17, 50), (15, 20), (9, 50)];
        let meals = match age {
            ..118 => 0,
            118..210 => 1,
            210..365 => 3,
            _ => 5,
        };
        for (hour, minute) in &times[..meals] {
            let at = self.about(date, *hour, *minute, 15)?;
            let mut foods = vec![self.chance.one_of(&self.shelf.foods)];
            if age > 210 {
                foods.push(self.chance.one_of(&self.shelf.foods));
            }
            foods.dedup();
            let reaction = self.chance.one_of(&["loved", "liked", "liked", "hated"]);
            let amount = self.chance.one_of(&["Two spoons", "Half a bowl", "All of it"]);
            let meal = json!({"foods": foods, "amount": amount, "reaction": reaction});
            self.write(date, at, EntityType::SOLIDS_LOG, fields(meal))?;
            if age >= 365 {
                self.nappy_after(date, at, age)?;
            }
        }
        Ok(())
    }

    fn play(&mut self, date: Date, age: i64) -> anyhow::Result<()> {
        if age < 250 {
            let (at, minutes) = (self.about(date, 10, 50, 10)?, self.chance.between(4, 15));
            self.span(date, at, minutes, EntityType::ACTIVITY_LOG, fields(json!({"kind": "tummy_time"})))?;
        } else {
            let (at, minutes) = (self.about(date, 19, 20, 5)?, self.chance.between(6, 14));
            self.span(date, at, minutes, EntityType::ACTIVITY_LOG, fields(json!({"kind": "story"})))?;
        }
        if self.chance.percent(60) {
            let (at, minutes) = (self.about(date, 14, 50, 20)?, self.chance.between(25, 60));
            self.span(date, at, minutes, EntityType::ACTIVITY_LOG, fields(json!({"kind": "walk"})))?;
        }
        if date.weekday() == Weekday::Saturday {
            let at = self.about(date, 11, 0, 10)?;
            let mood = self.chance.one_of(&["Cheerful", "Tired"]);
            let swim = json!({"customActivityId": self.shelf.swimming, "details": {"mood": mood}});
            self.span(date, at, 30, EntityType::ACTIVITY_LOG, fields(swim))?;
        }
        if age % 3 == 0 {
            let (at, minutes) = (self.about(date, 18, 25, 10)?, self.chance.between(10, 25));
            self.span(date, at, minutes, EntityType::BATH_LOG, Fields::new())?;
        }
        Ok(())
    }

    fn health(&mut self, date: Date, age: i64) -> anyhow::Result<()> {
        let at = self.about(date, 8, 30, 15)?;
        self.dose(date, at, self.shelf.vitamin, json!(1), "drops")?;
        if age % if age < 365 { 7 } else { 30 } == 0 {
            let at = self.about(date, 9, 40, 20)?;
            self.write(date, at, EntityType::GROWTH_LOG, growth(age))?;
        }
        // A cold every six weeks or so.
        if matches!(age % 45, 20 | 21) {
            for hour in [7, 14, 21] {
                let (at, milli) = (self.about(date, hour, 15, 10)?, self.chance.between(376, 392) * 100);
                let taken = json!({"milliCelsius": milli, "site": "ear", "typed": {"value": milli as f64 / 1000.0, "unit": "c"}});
                self.write(date, at, EntityType::TEMPERATURE_LOG, fields(taken))?;
                self.dose(date, at.plus_ms(5 * MINUTE), self.shelf.fever_syrup, json!(2.5), "ml")?;
            }
        }
        for (_, name, dose) in VACCINES.iter().filter(|(when, ..)| *when == age) {
            let at = self.about(date, 10, 30, 3)?;
            self.write(date, at, EntityType::VACCINE_LOG, fields(json!({"name": name, "doseNumber": dose})))?;
        }
        Ok(())
    }

    fn dose(
        &mut self,
        date: Date,
        at: Timestamp,
        medicine: Option<EntityId>,
        dose: Value,
        unit: &str,
    ) -> anyhow::Result<()> {
        let given = json!({"medicineId": medicine, "dose": dose, "unit": unit});
        self.write(date, at, EntityType::MEDICATION_LOG, fields(given))?;
        Ok(())
    }

    fn pump(&mut self, date: Date) -> anyhow::Result<()> {
        let (at, minutes) = (self.about(date, 21, 20, 10)?, self.chance.between(12, 20));
        let (left, right) = (self.chance.between(3, 8) * 10, self.chance.between(3, 8) * 10);
        let end = at.plus_ms(minutes * MINUTE);
        let segment = json!([{"side": "both", "startedAt": at, "endedAt": end}]);
        let pumped = json!({
            "segments": segment, "leftMl": left, "rightMl": right, "totalMl": left + right, "use": "stored",
        });
        self.span(date, at, minutes, EntityType::PUMPING_LOG, fields(pumped))?;
        self.freeze(date, end, left + right)
    }
}

/// Along a middling percentile.
fn growth(age: i64) -> Fields {
    let days = age as f64;
    let near = |reach: f64, pace: f64| reach * (1.0 - (-days / pace).exp());
    let weight = 3_400.0 + near(5_000.0, 150.0) + 5.0 * days;
    let length = 505.0 + near(210.0, 200.0) + 0.21 * days;
    let head = 350.0 + near(110.0, 220.0) + 0.02 * days;
    fields(json!({"weightG": weight as i64 / 10 * 10, "lengthMm": length as i64 / 5 * 5, "headMm": head as i64}))
}
