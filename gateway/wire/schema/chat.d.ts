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
 * - `registration`: who may make an account: `open`, `invite` or `closed` (nobody);
 * - `password_length`: the least characters of its password;
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
  registration?: string;
  password_length?: number;
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
 * A room of an account, at `seq`, and how far it has been `read`.
 *
 * `unread` is `seq` less `read`; `mentions` counts, of the newest 200 unread messages at
 * most, those in which the account's nickname is mentioned.
 */
export interface AccountRoom {
  room: string;
  seq: number;
  read: number;
  /** 0 if left out */
  unread?: number;
  /** 0 if left out */
  mentions?: number;
}

/**
 * A device that is signed in to an account.
 *
 * - `name`: what the account's owner calls it;
 * - `last_seen`: the hour in which it was used last, in Unix milliseconds;
 * - `current`: whether it is the one that asks.
 */
export interface Device {
  id: string;
  name: string;
  last_seen: number;
  /** false if left out */
  current?: boolean;
}

/**
 * The direct messages that an account has exchanged with one person.
 *
 * - `with`: their nickname, as it was when the last of them came;
 * - `person`: their tag, as in `DirectMessage`;
 * - `seq`: that of the last message in the account's inbox; `read`: up to which it was read;
 * - `unread`: messages from them after that.
 */
export interface ConversationInfo {
  with: string;
  person: string;
  seq: number;
  read: number;
  /** 0 if left out */
  unread?: number;
}

/**
 * Begin a session or resume one; the first command of a connection, if not `Register`.
 *
 * - `nick`: begin one as a guest; with `password`, as the account that has the nickname;
 * - `token`: begin one as the account and device that have this device token;
 * - `jwt`: begin one as the account of a JSON Web Token's subject;
 * - `device`, with `password` or `jwt`: what the account's owner calls this device;
 * - `session`, with `nick` alone: a secret chosen by the client, with which it can resume the
 * session even if the answer is lost;
 * - `resume`: the secret of the session to resume;
 * - `inbox`, with `resume`: the last direct message that the client has seen.
 */
export interface HelloCommand {
  type: "hello";
  /** 1 to 64 characters */
  id?: string | null;
  nick?: string | null;
  password?: string | null;
  token?: string | null;
  jwt?: string | null;
  /** 0 to 64 characters */
  device?: string | null;
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

/**
 * Get up to `limit` messages before `before`, or the newest ones.
 *
 * They are those of a joined `room`, or direct messages that the account exchanged `with`
 * somebody.
 */
export interface HistoryCommand {
  type: "history";
  /** 1 to 64 characters */
  id?: string | null;
  room?: string | null;
  with?: string | null;
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

/** Set whether nobody uses this device now; who is idle on all devices is shown as away. */
export interface IdleCommand {
  type: "idle";
  /** 1 to 64 characters */
  id?: string | null;
  idle: boolean;
}

/** Notify a joined room, or the person `to`, that one is typing; stored nowhere. */
export interface TypingCommand {
  type: "typing";
  /** 1 to 64 characters */
  id?: string | null;
  room?: string | null;
  to?: string | null;
}

/**
 * Make an account; as the first command, or by a guest, who then is the account.
 *
 * - `invite`: the code of an invitation, where the server asks for one;
 * - `device`: what the account's owner calls this device.
 *
 * With the same `id`, nickname and password it is the same account: sent twice, made once.
 */
export interface RegisterCommand {
  type: "register";
  /** 1 to 64 characters */
  id: string;
  nick: string;
  password: string;
  invite?: string | null;
  /** 0 to 64 characters */
  device?: string | null;
}

/** Change the account's password; with `sign_out_others`, sign out all other devices. */
export interface PasswordCommand {
  type: "password";
  /** 1 to 64 characters */
  id?: string | null;
  old: string;
  new: string;
  /** false if left out */
  sign_out_others?: boolean;
}

/** List the devices that are signed in to the account. */
export interface DevicesCommand {
  type: "devices";
  /** 1 to 64 characters */
  id?: string | null;
}

/** Sign out a `device` of the account, by its id, or all `others` but this one. */
export interface RevokeCommand {
  type: "revoke";
  /** 1 to 64 characters */
  id?: string | null;
  /** 0 to 64 characters */
  device?: string | null;
  /** false if left out */
  others?: boolean;
}

/** Sign out this device, and end the session. */
export interface SignOutCommand {
  type: "sign_out";
  /** 1 to 64 characters */
  id?: string | null;
}

/** Delete the account and all that it has, and end all its sessions. */
export interface DeleteAccountCommand {
  type: "delete_account";
  /** 1 to 64 characters */
  id?: string | null;
  password: string;
}

/** Go on with a new JSON Web Token of the same subject, before the old one has expired. */
export interface RefreshCommand {
  type: "refresh";
  /** 1 to 64 characters */
  id?: string | null;
  jwt: string;
}

/**
 * Record that the account's owner has read a room, or what came from somebody, up to `seq`.
 *
 * It has either `room` or `with`. A marker never goes back.
 */
export interface ReadCommand {
  type: "read";
  /** 1 to 64 characters */
  id?: string | null;
  room?: string | null;
  with?: string | null;
  /** 0 to 9007199254740992 */
  seq: number;
}

/** List the people with whom the account has exchanged direct messages. */
export interface ConversationsCommand {
  type: "conversations";
  /** 1 to 64 characters */
  id?: string | null;
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

/**
 * The answer to `history`: messages in order, and whether the log has older ones.
 *
 * Those of a `room` are `messages`, those exchanged `with` somebody are `directs`; then
 * `before` is where the next page is to begin.
 */
export interface HistoryPageAnswer {
  type: "ok";
  id?: string;
  room?: string;
  with?: string;
  messages?: MessageFrame[];
  directs?: DirectFrame[];
  before?: number;
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

/** The answer to `devices`: those signed in to the account, the one used last first. */
export interface DeviceListAnswer {
  type: "ok";
  id?: string;
  devices: Device[];
}

/** The answer to `conversations`: the one with the newest message first. */
export interface ConversationListAnswer {
  type: "ok";
  id?: string;
  conversations: ConversationInfo[];
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
 * - `person` is a tag of the other one of the two, which stays the same for as long as their
 * account or guest's session lasts, and is nobody else's; messages from nodes of earlier
 * versions have none.
 * - `own` is whether the account of this client sent it, from whatever device; guests tell that
 * by their nickname.
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
  /** false if left out */
  own?: boolean;
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
 *
 * In a session of an account:
 *
 * - `account`: its id, which stays the same for ever; a guest has none;
 * - `role`: what it may do: `user`, `admin` or `owner`;
 * - `device`: the id of the device that is signed in;
 * - `token`: a new device token, where one was made; it is to be kept in place of an older one;
 * - `rooms`: the rooms of the account, which are to be joined;
 * - `change_password`: whether the password was a code for one use, so that a new one is needed.
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
  account?: string;
  role?: string;
  device?: string;
  token?: string;
  rooms?: AccountRoom[];
  /** false if left out */
  change_password?: boolean;
  id?: string;
  inbox?: Position;
  directs?: DirectFrame[];
  recovered?: boolean;
}

/** Another device of the account has joined a room: the account is in it now. */
export interface JoinedFrame {
  type: "joined";
  room: string;
}

/** Another device of the account has left a room: no device is in it any more. */
export interface LeftFrame {
  type: "left";
  room: string;
}

/** The account's owner has read a `room`, or what came from `with`, up to `seq`. */
export interface ReadFrame {
  type: "read";
  room?: string;
  with?: string;
  seq: number;
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
  | IdleCommand
  | TypingCommand
  | RegisterCommand
  | PasswordCommand
  | DevicesCommand
  | RevokeCommand
  | SignOutCommand
  | DeleteAccountCommand
  | RefreshCommand
  | ReadCommand
  | ConversationsCommand;

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
  | JoinedFrame
  | LeftFrame
  | ReadFrame
  | OkAnswer
  | JoinedAnswer
  | SentAnswer
  | HistoryPageAnswer
  | MemberListAnswer
  | NamedAnswer
  | DeviceListAnswer
  | ConversationListAnswer
  | RoomListAnswer;

/** The answer to each command that is carried out, by its type. */
export interface AnswerTo {
  hello: WelcomeFrame;
  register: WelcomeFrame;
  password: OkAnswer;
  devices: DeviceListAnswer;
  revoke: OkAnswer;
  sign_out: OkAnswer;
  delete_account: OkAnswer;
  refresh: OkAnswer;
  read: OkAnswer;
  conversations: ConversationListAnswer;
  idle: OkAnswer;
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
  | "bad_credentials"
  | "bad_password"
  | "weak_password"
  | "bad_token"
  | "bad_jwt"
  | "bad_device"
  | "bad_invite"
  | "account_disabled"
  | "registration_closed"
  | "guests_off"
  | "insecure"
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
