"""An energy community: households with solar roofs and batteries that share what they have.

Simulates a year (or whatever the configuration says) in steps of a quarter of an hour, and asks what the batteries are
worth: how much of its energy the community makes itself, its highest draw from the grid, and its bill, each compared
with the same houses without batteries. Needs Python 3 and nothing else; the same seed gives the same numbers.

    python3 community.py --config config.json --output output/

Without arguments it reads LABKEEPER_CONFIG and writes to LABKEEPER_OUTPUT, as a job of labkeeper finds them.
"""

import argparse
import csv
import json
import math
import os
import random
import sys
import time

DEFAULTS = {
    "seed": 1,
    "households": 100,
    "days": 365,
    "stepMinutes": 15,
    "latitude": 38.7,
    # The share of houses with a solar roof, and of those with a battery beside it.
    "pvShare": 0.7,
    "batteryShare": 0.8,
    "battery": {"capacityKwh": 8.0, "powerKw": 3.0, "roundTripEfficiency": 0.9, "reserve": 0.05},
    # Euro a kWh: what the grid takes by day and by night, and what it pays.
    "prices": {"day": 0.28, "night": 0.16, "feedIn": 0.06},
}
# The controller keeps its energy for these hours: between them the grid is dear and the sun is low.
DEAR_FROM, DEAR_UNTIL = 17, 23
NIGHT_FROM, NIGHT_UNTIL = 23, 7


class House:
    """What one house needs, makes and stores. All energies in kWh a step."""

    def __init__(self, number, config, dice):
        self.name = f"house-{number:02d}"
        self.base_kw = dice.uniform(0.12, 0.35)
        self.morning_kw = dice.uniform(0.3, 1.1)
        self.evening_kw = dice.uniform(0.8, 2.4)
        self.morning_at = dice.gauss(7.5, 0.7)
        self.evening_at = dice.gauss(20.0, 0.9)
        self.habit = dice.uniform(0.7, 1.4)
        has_pv = dice.random() < config["pvShare"]
        self.pv_kwp = dice.uniform(2.0, 5.5) if has_pv else 0.0
        has_battery = has_pv and dice.random() < config["batteryShare"]
        battery = config["battery"]
        self.capacity = battery["capacityKwh"] if has_battery else 0.0
        self.power_kw = battery["powerKw"] if has_battery else 0.0
        self.reserve = self.capacity * battery["reserve"]
        # Half of the loss on the way in, half on the way out.
        self.one_way = math.sqrt(battery["roundTripEfficiency"])
        self.stored = self.capacity * 0.5
        # An appliance that runs now, and for how many more steps.
        self.appliance_kw, self.appliance_steps = 0.0, 0

    def load(self, hour, season, is_weekend, dice, step_hours):
        morning = self.morning_kw * bell(hour - self.morning_at - (1.5 if is_weekend else 0.0), 1.1)
        evening = self.evening_kw * bell(hour - self.evening_at, 1.8)
        if self.appliance_steps > 0:
            self.appliance_steps -= 1
        else:
            starts = dice.random() < 0.02 * step_hours * 4 and 7 <= hour <= 22
            self.appliance_kw = dice.uniform(0.6, 2.0) if starts else 0.0
            self.appliance_steps = round(dice.uniform(0.5, 1.75) / step_hours) if starts else 0
        noise = 0.85 + 0.3 * dice.random()
        usual = self.base_kw + (morning + evening) * season
        return (usual * noise * self.habit + self.appliance_kw) * step_hours

    def charge(self, offered):
        """Takes up to `offered` kWh and answers how much it took."""
        room = (self.capacity - self.stored) / self.one_way
        taken = min(offered, room)
        self.stored += taken * self.one_way
        return taken

    def discharge(self, wanted):
        """Gives up to `wanted` kWh and answers how much it gave."""
        available = max(0.0, self.stored - self.reserve) * self.one_way
        given = min(wanted, available)
        self.stored -= given / self.one_way
        return given


def bell(distance, width):
    return math.exp(-0.5 * (distance / width) ** 2)


def sunshine(day, hour, latitude):
    """Share of its peak power that a flat roof makes under a clear sky: sine of the sun's height."""
    declination = math.radians(-23.44) * math.cos(2 * math.pi * (day + 10) / 365)
    angle = math.radians(15 * (hour - 12))
    north = math.radians(latitude)
    height = math.sin(north) * math.sin(declination)
    height += math.cos(north) * math.cos(declination) * math.cos(angle)
    return max(0.0, height)


def steer(houses, balances, hour, is_dark_season, step_hours):
    """The rule of the controller. Balances (made minus needed) become what is left for the neighbours and the grid.

    Surplus goes into the house's own battery first, then into those of neighbours. While the grid is dear batteries feed
    the houses, and share what they have over the hours that are left, since the highest draw comes late. By day they
    wait for the sun, unless they are more than half full. In the dark half of the year they fill to two thirds by night.
    """
    after = list(balances)
    limits = [house.power_kw * step_hours for house in houses]
    for at, house in enumerate(houses):
        if after[at] > 0 and house.capacity > 0:
            taken = house.charge(min(after[at], limits[at]))
            after[at] -= taken
            limits[at] -= taken
    left = sum(after)
    is_dear, is_night = DEAR_FROM <= hour < DEAR_UNTIL, hour >= NIGHT_FROM or hour < NIGHT_UNTIL
    for at, house in enumerate(houses):
        if house.capacity == 0:
            continue
        moved = 0.0
        if left > 0:
            moved = house.charge(min(left, limits[at]))
        elif is_dark_season and is_night:
            moved = house.charge(min(0.25 * limits[at], max(0.0, house.capacity * 2 / 3 - house.stored)))
        elif left < 0 and is_dear:
            share = 1.5 * house.stored * step_hours / (DEAR_UNTIL - hour)
            moved = -house.discharge(min(-left, limits[at], share))
        elif left < 0 and house.stored > house.capacity / 2:
            moved = -house.discharge(min(-left, limits[at]))
        after[at] -= moved
        left -= moved
    return after


class Account:
    """What the community draws from the grid and gives to it."""

    def __init__(self, prices):
        self.prices = prices
        self.drawn = self.given = self.cost = self.peak_kw = 0.0

    def book(self, balance, hour, step_hours):
        drawn, given = max(0.0, -balance), max(0.0, balance)
        is_night = hour >= NIGHT_FROM or hour < NIGHT_UNTIL
        self.drawn += drawn
        self.given += given
        self.cost += drawn * self.prices["night" if is_night else "day"] - given * self.prices["feedIn"]
        self.peak_kw = max(self.peak_kw, drawn / step_hours)
        return drawn, given

    def summary(self, load):
        return {
            "self_sufficiency": round(1 - self.drawn / load, 4) if load else 0.0,
            "grid_import_kwh": round(self.drawn, 3),
            "grid_export_kwh": round(self.given, 3),
            "peak_import_kw": round(self.peak_kw, 3),
            "cost_eur": round(self.cost, 2),
        }


def simulate(config, output, say):
    dice = random.Random(config["seed"])
    houses = [House(number, config, dice) for number in range(1, config["households"] + 1)]
    step_hours = config["stepMinutes"] / 60
    steps_a_day = round(24 / step_hours)
    steps = config["days"] * steps_a_day
    with_batteries, without = Account(config["prices"]), Account(config["prices"])
    load_sum = made_sum = 0.0
    capacity = sum(house.capacity for house in houses)
    clouds = 0.3
    hourly = [0.0] * 4
    steps_an_hour = max(1, round(1 / step_hours))

    with open(os.path.join(output, "hourly.csv"), "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["hour", "load_kwh", "pv_kwh", "grid_import_kwh", "grid_export_kwh", "stored_kwh"])
        for step in range(steps):
            day, hour = step // steps_a_day, (step % steps_a_day) * step_hours
            if step % steps_a_day == 0:
                # Weather lasts: tomorrow is like today, and a little like the average.
                clouds = min(0.95, max(0.0, 0.7 * clouds + 0.3 * dice.betavariate(1.2, 2.2) + dice.gauss(0, 0.08)))
            season = 1 + 0.25 * math.cos(2 * math.pi * (day - 15) / 365)
            sun = sunshine(day, hour, config["latitude"]) * (1 - 0.8 * clouds)
            loads, made = [], []
            for house in houses:
                loads.append(house.load(hour, season, day % 7 >= 5, dice, step_hours))
                made.append(house.pv_kwp * sun * (0.9 + 0.2 * dice.random()) * 0.85 * step_hours)
            balances = [one - other for one, other in zip(made, loads)]
            without.book(sum(balances), hour, step_hours)
            after = steer(houses, balances, hour, season > 1, step_hours)
            drawn, given = with_batteries.book(sum(after), hour, step_hours)
            load, pv = sum(loads), sum(made)
            load_sum, made_sum = load_sum + load, made_sum + pv

            for at, value in enumerate((load, pv, drawn, given)):
                hourly[at] += value
            if (step + 1) % steps_an_hour == 0:
                stored = sum(house.stored for house in houses)
                table.writerow([(step + 1) // steps_an_hour - 1, *(f"{value:.4f}" for value in (*hourly, stored))])
                hourly = [0.0] * 4
            if (step + 1) % steps_a_day == 0 or step + 1 == steps:
                say(
                    step + 1,
                    steps,
                    {
                        "self_sufficiency": round(1 - with_batteries.drawn / load_sum, 4),
                        "cost_eur": round(with_batteries.cost, 2),
                        "charge": round(sum(house.stored for house in houses) / capacity, 4) if capacity else 0.0,
                    },
                )

    mine, other = with_batteries.summary(load_sum), without.summary(load_sum)
    return {
        "community": {
            "households": len(houses),
            "with_pv": sum(house.pv_kwp > 0 for house in houses),
            "with_battery": sum(house.capacity > 0 for house in houses),
            "load_kwh": round(load_sum, 3),
            "pv_kwh": round(made_sum, 3),
        },
        "kpis": mine,
        "without_batteries": other,
        "gain": {
            "self_sufficiency": round(mine["self_sufficiency"] - other["self_sufficiency"], 4),
            "peak_import_kw": round(other["peak_import_kw"] - mine["peak_import_kw"], 3),
            "cost_eur": round(other["cost_eur"] - mine["cost_eur"], 2),
        },
        "seed": config["seed"],
        "days": config["days"],
    }


def write_json(output, name, value):
    """Whole or not at all: whoever reads meanwhile finds the file before."""
    path = os.path.join(output, name)
    with open(f"{path}.tmp", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
    os.replace(f"{path}.tmp", path)


def teller(output):
    """Tells how far it is: progress.json each simulated day, twenty times a line of metrics and a sentence."""

    told = 0

    def say(step, steps, metrics):
        nonlocal told
        percent = round(100 * step / steps, 2)
        progress = {"step": step, "step_total": steps, "progress_pct": percent, **metrics}
        write_json(output, "progress.json", {**progress, "status": "running" if step < steps else "completed"})
        if step * 20 // steps > told:
            told = step * 20 // steps
            numbers = " ".join(f"{key}={value}" for key, value in progress.items())
            print(f"::labkeeper {numbers}")
            self_made, cost = metrics["self_sufficiency"], metrics["cost_eur"]
            print(f"{percent:5.1f} %  self-sufficiency {self_made:.1%}, {cost:.0f} EUR", flush=True)

    return say


def read_config(path):
    given = {}
    if path:
        with open(path, encoding="utf-8") as file:
            given = json.load(file)
    unknown = set(given) - set(DEFAULTS)
    if unknown:
        sys.exit(f"the configuration has unknown fields: {', '.join(sorted(unknown))}")
    config = {**DEFAULTS, **given}
    for key in ("battery", "prices"):
        config[key] = {**DEFAULTS[key], **given.get(key, {})}
    for key in ("households", "days"):
        if not isinstance(config[key], int) or config[key] < 1:
            sys.exit(f"{key} must be a whole number from 1 on, and is {config[key]!r}")
    if config["stepMinutes"] not in (5, 10, 15, 20, 30, 60):
        sys.exit(f"stepMinutes must be 5, 10, 15, 20, 30 or 60, and is {config['stepMinutes']!r}")
    return config


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default=os.environ.get("LABKEEPER_CONFIG"), help="JSON file; defaults without")
    parser.add_argument("--output", default=os.environ.get("LABKEEPER_OUTPUT", "."), help="folder for the results")
    arguments = parser.parse_args()
    config = read_config(arguments.config)
    os.makedirs(arguments.output, exist_ok=True)
    print(f"{config['households']} households, {config['days']} days, seed {config['seed']}", flush=True)
    began = time.monotonic()
    result = simulate(config, arguments.output, teller(arguments.output))
    write_json(arguments.output, "result.json", result)
    print(f"done in {time.monotonic() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
