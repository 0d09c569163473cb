"""Letters to another domain that nobody takes: three recipients of one letter, and one of another."""
from demo import *

user = USERS[0]
client = submission(user)
many = ["one@far.example", "two@far.example", "three@far.example"]
client.sendmail(user["address"], many, letter("to three", ", ".join(many)))
client.sendmail(user["address"], ["four@far.example"], letter("to one", "four@far.example"))
client.quit()
