// Disconnects users.

import { Refused } from "../model/api.js";
import { ask, reasonField, tell } from "./dialog.js";
import { plural } from "./format.js";

/** Asks whether to disconnect people, each given as `{nickname, connections}`. */
export function askToKick(app, people) {
  const single = people.length === 1 ? people[0] : null;
  const connections = people.reduce((sum, person) => sum + person.connections, 0);
  ask({
    title: single ? `Disconnect ${single.nickname}?` : `Disconnect ${plural(people.length, "person", "people")}?`,
    words: `This ends ${plural(connections, "connection")}${single ? "" : `: ${list(people)}`}. They may come back at once; a ban prevents that.`,
    fields: [reasonField()],
    action: "Disconnect",
    isDangerous: true,
    run: async ({ reason }) => {
      let ended = 0;
      const gone = [];
      for (const { nickname } of people) {
        const path = `/admin/users/${encodeURIComponent(nickname)}`;
        try {
          const answer = await app.api.remove(path, reason.trim() ? { reason: reason.trim() } : null);
          ended += answer.disconnected;
        } catch (error) {
          if (!(error instanceof Refused) || error.status !== 404) throw error;
          gone.push(nickname);
        }
      }
      const left = gone.length > 0 ? ` ${gone.join(", ")} had gone already.` : "";
      tell(`${plural(ended, "connection")} ended.${left}`);
      app.changed();
    },
  });
}

const list = (people) => {
  const names = people.slice(0, 8).map(({ nickname }) => nickname).join(", ");
  return people.length > 8 ? `${names} and ${people.length - 8} more` : names;
};
