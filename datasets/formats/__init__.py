"""What other programs read and write: COCO, YOLO folders, Label Studio. What comes in is not trusted."""
