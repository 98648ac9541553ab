"""A suite that the tool is tested with: one test for each thing that can become of a test."""

import asyncio
import unittest


class SampleTests(unittest.TestCase):
    def test_1_passes_after_an_hour(self):
        asyncio.run(asyncio.sleep(3600))

    def test_2_fails(self):
        self.assertEqual(asyncio.run(asyncio.sleep(0, 1)), 2)

    @unittest.skip("not here")
    def test_3_is_skipped(self):
        raise AssertionError("it was run")

    def test_4_waits_for_ever(self):
        async def main():
            await asyncio.get_running_loop().create_future()

        asyncio.run(main())

    def test_5_passes_behind_it(self):
        with self.subTest("in parts"):
            asyncio.run(asyncio.sleep(1))

    def test_6_fails_in_a_part(self):
        for part in range(3):
            with self.subTest(part=part):
                self.assertNotEqual(part, 1)
