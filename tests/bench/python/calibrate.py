"""CPU-bound loops in pure Python, each timed by the clock of the interpreter that runs it."""
import json
import sys
import time


def integers():
    total = 0
    for number in range(200_000):
        total += number * 3 % 7
    return total


def calls():
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)
    return fib(20)


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def moved(self, dx):
        return Point(self.x + dx, self.y)


def objects():
    point = Point(0, 0)
    for _ in range(20_000):
        point = point.moved(1)
    return point.x


def dictionaries():
    counts = {}
    for number in range(60_000):
        key = number % 997
        counts[key] = counts.get(key, 0) + 1
    return len(counts)


def strings():
    return len("".join(str(number) for number in range(40_000)).split("9"))


def lists():
    numbers = [number * number % 1009 for number in range(60_000)]
    numbers.sort()
    return sum(numbers[::3])


def exceptions():
    caught = 0
    for number in range(20_000):
        try:
            if number % 2:
                raise ValueError(number)
        except ValueError:
            caught += 1
    return caught


def generators():
    def numbers(n):
        for number in range(n):
            yield number
    return sum(number for number in numbers(80_000) if number & 1)


def floats():
    x = 0.5
    for _ in range(100_000):
        x = 3.7 * x * (1.0 - x)
    return x


def jsons():
    data = [{"id": n, "name": f"user{n}", "tags": ["a", "b"], "score": n / 7} for n in range(300)]
    for _ in range(5):
        data = json.loads(json.dumps(data))
    return len(data)


def sieve():
    flags = bytearray([1]) * 50_000
    for i in range(2, 224):
        if flags[i]:
            for j in range(i * i, 50_000, i):
                flags[j] = 0
    return sum(flags)


LOOPS = [integers, calls, objects, dictionaries, strings, lists, exceptions, generators, floats, jsons, sieve]

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
for loop in LOOPS:
    loop()  # the interpreter specialises its bytecode in the first round
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        loop()
        best = min(best, time.perf_counter() - begin)
    print(loop.__name__, f"{best * 1e6:.1f}")
