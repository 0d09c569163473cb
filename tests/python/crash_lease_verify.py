"""After the crash: every acknowledged letter on paper is there, every acknowledged lease holds, and only with its own
fence; what was printed is not printed again. Then all of them are handed to the post.

Argument: the file of crash_lease.py, to which is added what was handed to the post."""
import sys
from demo import *

CENTRES, TOKEN = 2, FACTS["print_centre"]["token"]
waiting, leases, printed = set(), {}, set()
for step in map(json.loads, open(sys.argv[1])):
    item = step["item"]
    if step["step"] == "submit":
        waiting.add(item)
    elif step["step"] == "lease":
        assert item not in leases or step["fence"] > leases[item]["fence"], "a fence was given twice"
        leases[item] = step
        waiting.discard(item)
    elif step["step"] == "printed":
        printed.add(item)
    else:
        del leases[item]
assert leases, "nothing was leased before the crash"
done = open(sys.argv[1], "a")


def post(job, what, **value):
    return post_json(f"/api/v1/print/jobs/{job}/{what}", TOKEN, value)[0]


def hand_over(lease):
    job, fence = lease["job"], lease["fence"]
    for wrong in (fence - 1, fence + 1):
        assert post(job, "extend", fence=wrong) in (409, 422), f"fence {wrong} was taken for {fence}"
        assert post(job, "events", fence=wrong, event="printed", sheets=lease["sheets"]) in (409, 422)
    assert post(job, "extend", fence=fence) == 200, "an acknowledged lease is gone"
    again = post(job, "events", fence=fence, event="printed", sheets=lease["sheets"])
    # What was on its way when the server died may have come about without its answer.
    assert again in ((409,) if lease["item"] in printed else (200, 409)), again
    for event in ("inserted", "handed_to_post"):
        assert post(job, "events", fence=fence, event=event) == 200, event
    done.write(json.dumps({"step": "done", "item": lease["item"]}) + "\n")


[hand_over(lease) for lease in leases.values()]
held = list(leases)
end = time.time() + 60
# A lease that was not acknowledged holds too, and nobody knows its fence: one for each centre at most.
while len(waiting) > CENTRES and time.time() < end:
    for job in post_json("/api/v1/print/lease", TOKEN, {"max": 100, "wait_s": 1}, expect=200)[1]["jobs"]:
        assert job["item_id"] not in held, "a job that was leased was leased again"
        lease = {"step": "lease", "item": job["item_id"], "job": job["id"], "fence": job["fence"], "sheets": job["sheets"]}
        done.write(json.dumps(lease) + "\n")
        waiting.discard(lease["item"])
        hand_over(lease)
assert len(waiting) <= CENTRES, f"acknowledged and not there: {waiting}"
print(f"{len(held)} leases held")
