DROP TABLE account_channel;
DROP TABLE channel_event;
DROP TABLE channel;
