"""A command in, an answer out, for every platform.

What `dispatch` lists takes who asks and what was typed, carried by a button (`value`) or filled in
(`about` and `answers`). Each raises Refused, with a sentence for the person, where it can't be
done, and RedisError; forms also InvalidForm and FormAgain.
"""
