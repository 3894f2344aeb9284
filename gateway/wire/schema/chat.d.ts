/**
 * The frames of the protocol `chat.v1`, described in PROTOCOL.md. Generated: do not edit.
 * Ignore fields that are not in here: new ones are added without a new version.
 */

/**
 * A place in a log: everything up to `seq` of `epoch` has been seen.
 *
 * `id` is that of the message at `seq`. If Redis has another message there, it lost that one.
 */
export interface Position {
  epoch: string;
  /** 0 to 9007199254740992 */
  seq: number;
  /** 1 to 64 characters */
  id?: string;
}

/** A member of a room, with their status; `registered` is whether the nickname is reserved. */
export interface Member {
  nick: string;
  /** "online" if left out */
  state?: "away" | "busy" | "online";
  /** "" if left out */
  text?: string;
  /** false if left out */
  registered?: boolean;
}

/** A member with a new nickname or status; `was` is the nickname before the change. */
export interface Renamed {
  nick: string;
  was: string;
  /** "online" if left out */
  state?: "away" | "busy" | "online";
  /** "" if left out */
  text?: string;
  /** false if left out */
  registered?: boolean;
}

/** A room and its number of members. */
export interface RoomInfo {
  room: string;
  members: number;
}

/**
 * The limits of this node; bytes are of UTF-8, `flood_rate` is in tokens per second.
 *
 * - `grace_seconds`: how long a session without a connection may be resumed;
 * - `ping_interval`: seconds of silence after which the client is pinged; after twice that its
 * connection is closed;
 * - `nicks` and `directs` are per minute, `new_rooms` per hour, `connections` those of one
 * address; 0 means no limit.
 *
 * Nodes of earlier versions leave out all of these.
 */
export interface Limits {
  frame_bytes: number;
  text_bytes: number;
  rooms: number;
  history: number;
  flood_burst: number;
  flood_rate: number;
  grace_seconds?: number;
  ping_interval?: number;
  /** 0 if left out */
  nicks?: number;
  /** 0 if left out */
  new_rooms?: number;
  /** 0 if left out */
  directs?: number;
  /** 0 if left out */
  connections?: number;
}

/**
 * Begin a session under `nick`, or resume one; the first command of every connection.
 *
 * - `session`, with `nick`: a secret chosen by the client, with which it can resume the
 * session even if the answer is lost;
 * - `resume`: the secret of the session to resume;
 * - `inbox`, with `resume`: the last direct message that the client has seen.
 */
export interface HelloCommand {
  type: "hello";
  /** 1 to 64 characters */
  id?: string | null;
  nick?: string | null;
  /** ^[A-Za-z0-9_-]{22,64}$ */
  session?: string | null;
  /** 0 to 64 characters */
  resume?: string | null;
  inbox?: Position | null;
}

/** Join a room, and get its messages `since` a position, or the last `history` ones. */
export interface JoinCommand {
  type: "join";
  /** 1 to 64 characters */
  id?: string | null;
  /** 1 to 64 characters */
  room: string;
  since?: Position | null;
  /** 0 to 200; 50 if left out */
  history?: number;
}

/** Leave a room. */
export interface LeaveCommand {
  type: "leave";
  /** 1 to 64 characters */
  id?: string | null;
  room: string;
}

/** Send `text` to a room. Its `id` is the idempotency key: sent twice, delivered once. */
export interface SendCommand {
  type: "send";
  /** 1 to 64 characters */
  id: string;
  room: string;
  /** 1 to 4096 bytes */
  text: string;
}

/** Get up to `limit` messages of a joined room before `before`, or the newest ones. */
export interface HistoryCommand {
  type: "history";
  /** 1 to 64 characters */
  id?: string | null;
  room: string;
  /** 1 to 9007199254740992 */
  before?: number | null;
  /** 0 to 200; 50 if left out */
  limit?: number;
}

/** Get a page of the members of a joined room: the first one, or the one `after` another. */
export interface MembersCommand {
  type: "members";
  /** 1 to 64 characters */
  id?: string | null;
  room: string;
  /** 0 to 128 characters */
  after?: string | null;
  /** 1 to 1000; 1000 if left out */
  limit?: number;
}

/** Change the nickname; the old one is released in the same step. */
export interface NickCommand {
  type: "nick";
  /** 1 to 64 characters */
  id?: string | null;
  nick: string;
}

/** List the rooms that exist, with their numbers of members. */
export interface RoomsCommand {
  type: "rooms";
  /** 1 to 64 characters */
  id?: string | null;
}

/** Get an `ok`, to see that the connection and the node are alive. */
export interface PingCommand {
  type: "ping";
  /** 1 to 64 characters */
  id?: string | null;
}

/**
 * Send `text` to one person, by nickname; its `id` is the idempotency key, as `Send`'s.
 *
 * `person` is the tag of whoever is meant, from an earlier `DirectMessage`: the message is sent
 * only if the nickname is still theirs.
 */
export interface DirectCommand {
  type: "direct";
  /** 1 to 64 characters */
  id: string;
  to: string;
  /** 1 to 4096 bytes */
  text: string;
  /** 0 to 64 characters */
  person?: string | null;
}

/** Set the status that members of one's rooms see: a state, and a few words. */
export interface StatusCommand {
  type: "status";
  /** 1 to 64 characters */
  id?: string | null;
  state: "away" | "busy" | "online";
  /** 0 to 128 bytes; "" if left out */
  text?: string;
}

/** Notify a joined room, or the person `to`, that one is typing; stored nowhere. */
export interface TypingCommand {
  type: "typing";
  /** 1 to 64 characters */
  id?: string | null;
  room?: string | null;
  to?: string | null;
}

/** The answer to a command that was carried out; some have results beside the `id`. */
export interface OkAnswer {
  type: "ok";
  id?: string;
}

/**
 * The answer to `join`: the room at `seq`; later messages follow as events.
 *
 * - `last_id`: the `id` of the message at `seq`, if the log still has it;
 * - `count`: the number of members, of whom `members` is the first page;
 * - `next`: the `after` of the second page, which `Members` asks for; None if there is none;
 * - `recovered`: if the join had `since`, whether `messages` is all that was missed.
 */
export interface JoinedAnswer {
  type: "ok";
  id?: string;
  room: string;
  epoch: string;
  seq: number;
  last_id?: string;
  version: number;
  count: number;
  members: Member[];
  messages: MessageFrame[];
  recovered?: boolean;
  next?: string;
}

/** The answer to `send` and `direct`: the `seq` of the message. */
export interface SentAnswer {
  type: "ok";
  id?: string;
  seq: number;
}

/** The answer to `history`: messages in order, and whether the log has older ones. */
export interface HistoryPageAnswer {
  type: "ok";
  id?: string;
  room: string;
  messages: MessageFrame[];
  more: boolean;
}

/**
 * The answer to `members`: a page of the members at `version`.
 *
 * `next` is the `after` of the page that follows; None if this is the last one.
 */
export interface MemberListAnswer {
  type: "ok";
  id?: string;
  room: string;
  version: number;
  members: Member[];
  next?: string;
}

/** The answer to `nick`: the nickname as others see it. */
export interface NamedAnswer {
  type: "ok";
  id?: string;
  nick: string;
}

/** The answer to `rooms`: the rooms that exist, the fullest first. */
export interface RoomListAnswer {
  type: "ok";
  id?: string;
  rooms: RoomInfo[];
}

/**
 * A message in a room. `at` is in Unix milliseconds, by Redis's clock.
 *
 * If the operator has `erased` it, its `text` is empty.
 */
export interface MessageFrame {
  type: "message";
  seq: number;
  at: number;
  room: string;
  from: string;
  text: string;
  /** false if left out */
  erased?: boolean;
  id: string;
}

/**
 * A direct message; `seq` is its place in the inbox of the client that receives this frame.
 *
 * In another `epoch`, numbers may be used again: the server lost messages of the inbox.
 * `person` is a tag of the other one of the two, which stays the same for as long as their
 * session lasts, and is nobody else's; messages from nodes of earlier versions have none.
 */
export interface DirectFrame {
  type: "direct";
  seq: number;
  at: number;
  /** "" if left out */
  epoch?: string;
  from: string;
  to: string;
  text: string;
  person?: string;
  id: string;
}

/** The operator has erased messages of a room: all up to `up_to`, and those in `seqs`. */
export interface ErasedFrame {
  type: "erased";
  room: string;
  epoch: string;
  /** 0 if left out */
  up_to?: number;
  seqs?: number[];
}

/**
 * How the members of a room changed between the versions `after` and `version`.
 *
 * A client whose list is older than `after` has missed a change, and asks for `members`.
 */
export interface PresenceFrame {
  type: "presence";
  room: string;
  version: number;
  after: number;
  joined?: Member[];
  left?: string[];
  changed?: Renamed[];
}

/** Somebody is typing, in a `room` or, without one, to you; valid for some seconds. */
export interface TypingFrame {
  type: "typing";
  nick: string;
  room?: string;
}

/** Something that the node reports unasked; `room` is there where it is about one. */
export interface NoticeFrame {
  type: "notice";
  code: string;
  message: string;
  room?: string;
  epoch?: string;
  seq?: number;
  reason?: string;
  until?: number;
}

/**
 * The answer to a refused command.
 *
 * - `temporary`: whether the same command may succeed later;
 * - `uncertain`: whether it may have been carried out, or may yet be.
 *
 * Nodes of earlier versions leave these two out; then they follow from the code.
 */
export interface ErrorFrame {
  type: "error";
  code: string;
  message: string;
  id?: string;
  retry_after?: number;
  suggestion?: string;
  reason?: string;
  until?: number;
  temporary?: boolean;
  uncertain?: boolean;
}

/**
 * The answer to `hello`; `session` is the secret with which to resume the session.
 *
 * In a resumed session `directs` are the missed direct messages up to the position `inbox`,
 * and `recovered` is whether they are all that were missed. `inbox` has the `id` of its last
 * message if the log still has it.
 *
 * `insecure` is whether others on the way can read what is sent, secrets too.
 */
export interface WelcomeFrame {
  type: "welcome";
  session: string;
  /** false if left out */
  resumed?: boolean;
  /** false if left out */
  insecure?: boolean;
  nick: string;
  node: string;
  limits: Limits;
  id?: string;
  inbox?: Position;
  directs?: DirectFrame[];
  recovered?: boolean;
}

/** What a client sends. */
export type Command =
  | HelloCommand
  | JoinCommand
  | LeaveCommand
  | SendCommand
  | HistoryCommand
  | MembersCommand
  | NickCommand
  | RoomsCommand
  | PingCommand
  | DirectCommand
  | StatusCommand
  | TypingCommand;

/** What a node sends. */
export type NodeFrame =
  | MessageFrame
  | DirectFrame
  | ErasedFrame
  | PresenceFrame
  | TypingFrame
  | NoticeFrame
  | ErrorFrame
  | WelcomeFrame
  | OkAnswer
  | JoinedAnswer
  | SentAnswer
  | HistoryPageAnswer
  | MemberListAnswer
  | NamedAnswer
  | RoomListAnswer;

/** The answer to each command that is carried out, by its type. */
export interface AnswerTo {
  hello: WelcomeFrame;
  join: JoinedAnswer;
  leave: OkAnswer;
  send: SentAnswer;
  direct: SentAnswer;
  history: HistoryPageAnswer;
  members: MemberListAnswer;
  nick: NamedAnswer;
  status: OkAnswer;
  typing: OkAnswer;
  rooms: RoomListAnswer;
  ping: OkAnswer;
}

/** The codes of an ErrorFrame. */
export type ErrorCode =
  | "bad_frame"
  | "unauthorized"
  | "forbidden"
  | "bad_nick"
  | "nick_taken"
  | "banned"
  | "nick_banned"
  | "bad_room"
  | "room_looks_alike"
  | "too_many_rooms"
  | "no_new_rooms"
  | "not_in_room"
  | "no_such_nick"
  | "other_person"
  | "gone"
  | "id_reused"
  | "bad_status"
  | "too_long"
  | "too_fast"
  | "unavailable";
